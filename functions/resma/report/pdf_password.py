"""Passwords of PDF files: what every reader understands in the same way.

ISO 32000-2 §7.6.4.3.3 (algorithm 2.A) prepares a password with SASLprep (RFC 4013), encodes it in UTF-8, and cuts it
after 127 bytes. Many readers skip the preparation. So a password that it would change is refused: the remaining ones
have the same bytes in every reader.
"""

from __future__ import annotations

import stringprep
from collections.abc import Callable, Iterator
from unicodedata import ucd_3_2_0

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_BYTES = 127
"""Maximum length in UTF-8. Readers ignore further bytes."""

_PROHIBITED: tuple[Callable[[str], bool], ...] = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
"""Tables of RFC 4013 §2.3 and §2.5: control characters, other spaces, and what Unicode 3.2 does not have."""


def check_pdf_password(password: str) -> str:
    """Returns the password. Raises ValueError, with all that is wrong but no part of the password."""
    if wrong := list(_find_errors(password)):
        raise ValueError(" ".join(wrong))
    return password


def _find_errors(password: str) -> Iterator[str]:
    if len(password) < MIN_PASSWORD_CHARACTERS:
        yield f"It must have at least {MIN_PASSWORD_CHARACTERS} characters."
    if len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES:
        yield f"It must have at most {MAX_PASSWORD_BYTES} bytes in UTF-8, because readers ignore further ones."
    if any(is_prohibited(char) for char in password for is_prohibited in _PROHIBITED):
        yield "Remove control characters, spaces other than U+0020, and emoji, which PDF readers may not accept."
    elif any(map(stringprep.in_table_b1, password)) or ucd_3_2_0.normalize("NFKC", password) != password:
        yield "Use composed letters and no compatibility characters (Unicode NFKC), so that all readers agree on it."
    if not _has_one_direction(password):
        yield "Do not mix letters of scripts that are written in different directions."


def _has_one_direction(text: str) -> bool:
    """RFC 3454 §6: with right-to-left characters no left-to-right ones, and right-to-left at both ends."""
    right_to_left = [stringprep.in_table_d1(char) for char in text]
    if not any(right_to_left):
        return True
    return right_to_left[0] and right_to_left[-1] and not any(map(stringprep.in_table_d2, text))
