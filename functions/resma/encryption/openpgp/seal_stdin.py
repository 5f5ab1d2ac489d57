"""Encrypts standard input to standard output. `sealer.py` runs this file as a process of its own.

The library encrypts from one path to another and holds Python's lock meanwhile. In a process of its own it can read a
pipe, and uses another processor. Standard input begins with the length of the recipients' certificates, in four bytes,
and the certificates. Use no module of Resma here: the process should need little memory, and start soon.
"""

import os
from pathlib import Path

from pysequoia import Cert, encrypt_file

_LENGTH_BYTES = 4


def _read(size: int) -> bytes:
    """Reads exactly `size` bytes of standard input without a buffer, because the library reads the rest."""
    content = b""
    while len(content) < size:
        read = os.read(0, size - len(content))
        if not read:
            raise SystemExit("The recipients are missing.")
        content += read
    return content


def main() -> None:
    """Encrypts until the end of standard input."""
    recipients = Cert.split_bytes(_read(int.from_bytes(_read(_LENGTH_BYTES), "big")))
    folder = "/dev/fd" if Path("/dev/fd").exists() else "/proc/self/fd"
    encrypt_file(f"{folder}/0", f"{folder}/1", recipients=recipients, armor=False)


if __name__ == "__main__":
    main()
