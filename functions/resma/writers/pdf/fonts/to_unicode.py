"""ToUnicode CMaps, which map codes to text for searching and copying (§9.10.3)."""

from __future__ import annotations

from collections.abc import Sequence

_AT_ONCE = 100
"""Maximum number of lines of a block of a CMap."""


def to_unicode(pairs: Sequence[tuple[int, str]], code_bytes: int) -> bytes:
    """Returns a CMap. `pairs` are codes and their text, which may have any length."""
    digits = 2 * code_bytes
    lines = [f"<{code:0{digits}X}><{text.encode('utf-16-be').hex().upper()}>" for code, text in pairs]
    blocks = [lines[at : at + _AT_ONCE] for at in range(0, len(lines), _AT_ONCE)]
    body = "\n".join([f"{len(block)} beginbfchar\n{chr(10).join(block)}\nendbfchar" for block in blocks])
    text = (
        "/CIDInit/ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n"
        "/CMapName/Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<{'0' * digits}><{'F' * digits}>\nendcodespacerange\n"
        f"{body}\nendcmap\nCMapName currentdict/CMap defineresource pop\nend\nend\n"
    )
    return text.encode("ascii")
