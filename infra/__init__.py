"""Infrastructure of Resma: database migrations, commands of operators, deployment, and the local stack."""

import sys
from pathlib import Path

# The functions and the command line are not installed packages, so `python -m infra...` adds their folders.
sys.path[:0] = [str(Path(__file__).parents[1] / "functions"), str(Path(__file__).parent / "cli")]
