"""Everything that decides whether over-the-air upgrades will work on a board."""
