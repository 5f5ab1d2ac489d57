"""`make fuzz`: all random searches with a fresh seed. SEED=(random), ROUNDS=1.

Each round has a seed of its own, which is printed; with it the same round runs again. Ends with the first round that
finds something.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

from tests.support.random_search import MARKS, SEED_VARIABLE


def main() -> int:
    """Returns pytest's exit code of the last round."""
    first = int(os.environ.get("SEED") or secrets.randbelow(2**31))
    rounds = int(os.environ.get("ROUNDS") or 1)
    for seed in range(first, first + rounds):
        print(f"seed {seed}: `make fuzz SEED={seed}` runs the same searches again", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "-m", MARKS, f"--hypothesis-seed={seed}", "tests"]
        environment = {**os.environ, SEED_VARIABLE: str(seed)}
        if (code := subprocess.run(command, env=environment, check=False).returncode) != 0:
            print(
                f"found with seed {seed}: repeat it with `make fuzz SEED={seed}`, then make it a fixed case of a test"
            )
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
