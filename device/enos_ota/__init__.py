"""Over-the-air upgrades from EnOS: import `Agent` from `enos_ota.agent`."""
