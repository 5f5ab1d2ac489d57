"""`python -m tests.everything`: all tests, as two runs at once.

Those on the whole stack mostly wait for it; those in one process use the core that is free meanwhile. What the second
run says comes after what the first says.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

PYTEST = (sys.executable, "-m", "pytest")
IN_ONE_PROCESS = ("tests/unit", "tests/integration")
ON_THE_STACK = ("tests/e2e",)


def main() -> int:
    """Returns 0 where both runs have passed, and otherwise the exit code of one that has not."""
    with tempfile.TemporaryFile() as said:
        beside = subprocess.Popen([*PYTEST, *IN_ONE_PROCESS], stdout=said, stderr=subprocess.STDOUT)
        try:
            on_the_stack = subprocess.run([*PYTEST, *ON_THE_STACK], check=False).returncode
        except BaseException:
            beside.terminate()
            raise
        finally:
            in_one_process = beside.wait()
            said.seek(0)
            sys.stdout.buffer.write(said.read())
            sys.stdout.flush()
    return on_the_stack or in_one_process


if __name__ == "__main__":
    sys.exit(main())
