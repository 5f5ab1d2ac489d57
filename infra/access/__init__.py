"""Tenants and keys, for operators."""

import sys
from pathlib import Path

# The code of the functions, which is no installed package.
sys.path.insert(0, str(Path(__file__).parents[2] / "functions"))
