"""What Resma runs on: the database's migrations, operators' commands, and the stack on one's own machine."""

import sys
from pathlib import Path

# The functions and the command line are not installed packages: `python -m infra...` finds their code here.
sys.path[:0] = [str(Path(__file__).parents[1] / "functions"), str(Path(__file__).parent / "cli")]
