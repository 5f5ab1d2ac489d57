"""The key of an encrypted PDF file, as its writer needs it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PdfKey:
    """Entries of an encryption dictionary of revision 6 (ISO 32000-2 §7.6.4.2), and the file key that they protect.

    They can be computed from a password, but the password cannot be computed from them.
    """

    user: bytes
    """`U`: hash of the password, and two salts. 48 bytes, like `owner`."""
    owner: bytes
    """`O`: the same for the owner's password."""
    user_key: bytes
    """`UE`: the file key, encrypted with the password. 32 bytes, like `owner_key`."""
    owner_key: bytes
    """`OE`: the file key, encrypted with the owner's password."""
    permissions: bytes
    """`Perms`: the permissions, encrypted with the file key. 16 bytes."""
    file_key: bytes = field(repr=False)
    """32 bytes, which are enough to read the file."""


PERMISSIONS = -4
"""`P` (table 22): everything is allowed. Bits 1 and 2 are 0."""
