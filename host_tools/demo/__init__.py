"""The demo: stand-in and simulated board in one process, upgraded, rolled back, and looked at."""
