"""`python -m infra.cli`: the command line, where `resma` itself is not on the PATH."""

from __future__ import annotations

import sys

from infra.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
