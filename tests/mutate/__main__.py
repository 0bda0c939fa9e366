"""`make mutate`: each seeded fault must be caught by a test; `ONLY=id` tries one and shows it."""

import argparse
import sys
from pathlib import Path

import campaign
import seeded

parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
parser.add_argument("--only", metavar="ID", help="try this fault, and show it and what caught it")
only = parser.parse_args().only
sys.exit(campaign.run(Path(__file__).resolve().parents[2], seeded.FOLDER, only or None))
