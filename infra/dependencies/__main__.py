"""`python -m infra.dependencies check|ask`: what is wrong with dependencies, without a network and with one.

check: pins and hashes, licences, what is unused; in `make check`. ask: known vulnerabilities, by pip-audit.
"""

from __future__ import annotations

import subprocess
import sys

from infra.dependencies.check_dependencies import LOCKS, find_mistakes
from infra.local.paths import ROOT, STATE

PIP_AUDIT = "pip-audit==2.10.1"
ASK_SECONDS = 600


def main() -> int:
    """The command line; 1 when anything is wrong, 2 when the service can't be asked."""
    return ask_service() if sys.argv[1:] == ["ask"] else check()


def check() -> int:
    """Prints every mistake that can be seen without a network."""
    mistakes = find_mistakes()
    for mistake in mistakes:
        print(mistake)
    print(f"dependencies: {len(LOCKS)} lock files, {len(mistakes)} mistakes; vulnerabilities are `make audit`'s to ask")
    return 1 if mistakes else 0


def ask_service() -> int:
    """Has pip-audit ask its service of every lock file. One that can't be reached says nothing, and is no pass."""
    worst = 0
    for lock in LOCKS:
        arguments = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "-r", str(lock)]
        command = [str(STATE / "uv" / "bin" / "uv"), "tool", "run", "--from", PIP_AUDIT, "pip-audit", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
        name = lock.relative_to(ROOT)
        if done.returncode and "Traceback" not in done.stderr and "Found" in done.stderr + done.stdout:
            print(f"{name}:\n{done.stdout}{done.stderr}")
            worst = max(worst, 1)
        elif done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print(f"{name}: not audited, the service can't be asked: {last[:200]}")
            worst = 2
        else:
            print(f"{name}: no known vulnerability")
    return worst


if __name__ == "__main__":
    sys.exit(main())
