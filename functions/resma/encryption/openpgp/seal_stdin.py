"""Encrypts standard input, and signs it, to standard output. `sealer.py` runs this file as a process of its own.

The library encrypts from one path to another and holds Python's lock meanwhile. In a process of its own it can read a
pipe, and uses another processor. Standard input begins with three fields, each after its length in four bytes: the
certificates of the recipients, the secret key that signs (empty: none), and its passphrase (empty: none). Arguments and
environment are visible to other processes of the same user, and contain none of them.

Use no module of Resma here: the process should need little memory, and start soon.
"""

import os
from pathlib import Path

from pysequoia import Cert, Tsk, encrypt_file

_LENGTH_BYTES = 4


def _read(size: int) -> bytes:
    """Reads exactly `size` bytes of standard input without a buffer, because the library reads the rest."""
    content = b""
    while len(content) < size:
        read = os.read(0, size - len(content))
        if not read:
            raise SystemExit("The certificates or the key are missing.")
        content += read
    return content


def _read_field() -> bytes:
    return _read(int.from_bytes(_read(_LENGTH_BYTES), "big"))


def main() -> None:
    """Encrypts until the end of standard input."""
    recipients, key, passphrase = Cert.split_bytes(_read_field()), _read_field(), _read_field().decode()
    signer = Tsk.from_bytes(key).signer(passphrase or None) if key else None
    folder = "/dev/fd" if Path("/dev/fd").exists() else "/proc/self/fd"
    encrypt_file(f"{folder}/0", f"{folder}/1", recipients=recipients, signer=signer, armor=False)


if __name__ == "__main__":
    main()
