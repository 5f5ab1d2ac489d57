"""Encrypts a large file by OpenPGP, and decrypts it with GnuPG: `make openpgp-run`, BYTES=2000000000."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.gnupg import key_ring

MAX_MB = 160
"""Maximum peak memory of the process that writes the file and the one that encrypts, together."""


def main() -> int:
    """Returns 0 if GnuPG decrypted the same bytes, and the memory was within its limit."""
    size = os.environ.get("BYTES") or "2000000000"
    with tempfile.TemporaryDirectory() as folder, key_ring() as keys:
        keys.make_key("receiver@example.com")
        certificate, sealed = Path(folder) / "receiver.asc", Path(folder) / "large.pgp"
        certificate.write_text(keys.certificate("receiver@example.com"))
        printed = subprocess.run(
            [sys.executable, "-m", "tests.support.peak_of_sealing", certificate, size, sealed],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        peak, seconds, sha256, _ = printed.split()
        found = hashlib.sha256()
        for block in keys.decrypt_blocks(sealed):
            found.update(block)
    is_equal = found.hexdigest() == sha256
    megabytes = int(size) / 1e6
    print(
        f"{megabytes:.0f} MB in {seconds} s ({megabytes / float(seconds):.0f} MB/s), peak memory {peak} MB, SHA-256 "
        f"after decryption {'equal' if is_equal else 'DIFFERENT'}"
    )
    return 0 if is_equal and float(peak) <= MAX_MB else 1


if __name__ == "__main__":
    sys.exit(main())
