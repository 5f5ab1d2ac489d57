"""`make fuzz`: runs all tests with random input, with a new seed. SEED=(random), ROUNDS=1.

Each round has its own seed, which is printed and repeats the round. Stops after the first round that fails.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

from tests.support.random_search import MARKS, SEED_VARIABLE


def main() -> int:
    """Runs the rounds; returns pytest's exit code of the last one."""
    first = int(os.environ.get("SEED") or secrets.randbelow(2**31))
    rounds = int(os.environ.get("ROUNDS") or 1)
    for seed in range(first, first + rounds):
        print(f"seed {seed}: `make fuzz SEED={seed}` repeats this round", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "-m", MARKS, f"--hypothesis-seed={seed}", "tests"]
        environment = {**os.environ, SEED_VARIABLE: str(seed)}
        if (code := subprocess.run(command, env=environment, check=False).returncode) != 0:
            print(f"failed with seed {seed}: repeat it with `make fuzz SEED={seed}`, then add the input as a test case")
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
