"""What Resma runs on: the database's migrations, operators' commands, and the stack on one's own machine."""

import sys
from pathlib import Path

# The code of the functions, which is no installed package: `python -m infra.…` finds it here.
sys.path.insert(0, str(Path(__file__).parents[1] / "functions"))
