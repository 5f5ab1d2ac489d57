"""Checks of the catalogue of report types: `python -m infra.catalogue`."""

import sys
from pathlib import Path

# The functions are no installed package: Lambda puts their folder on the path, and so do we.
sys.path.insert(0, str(Path(__file__).parents[2] / "functions"))
