"""`python -m host_tools` is the same as `enos-ota`."""

from host_tools.cli import main

main()
