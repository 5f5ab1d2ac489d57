"""Delivers a large file by SFTP to an OpenSSH server on this machine: `make sftp-run`, BYTES=2000000000.

SECONDS=600 is the time of an invocation, after which another one continues.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.ssh_server import ssh_server

MAX_MB = 160
"""Maximum peak memory."""


def main() -> int:
    """Returns 0 if the file arrived with its SHA-256, and the memory was within its limit."""
    size, limit = os.environ.get("BYTES") or "2000000000", os.environ.get("SECONDS") or "600"
    with tempfile.TemporaryDirectory() as folder, ssh_server(Path(folder) / "ssh") as server:
        printed = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.support.peak_of_delivery",
                "sftp",
                server.home,
                str(server.port),
                size,
                limit,
            ],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        peak, seconds, sha256, invocations = printed.split()
        with (server.files / "large.bin").open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    is_right = found == sha256 and float(peak) <= MAX_MB
    megabytes = int(size) / 1e6
    print(
        f"{megabytes:.0f} MB in {seconds} s ({megabytes / float(seconds):.0f} MB/s), {invocations} invocations, peak "
        f"memory {peak} MB, SHA-256 {'equal' if found == sha256 else 'DIFFERENT'}"
    )
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
