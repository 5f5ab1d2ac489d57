"""`python -m resma_cli`: the command line, for environments in which `resma` is not on the PATH."""

from __future__ import annotations

from resma_cli.main import run

if __name__ == "__main__":
    run()
