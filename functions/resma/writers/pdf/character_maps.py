"""CMaps: from codes to text (§9.10.3), and from codes to the glyphs of a font (§9.7.5)."""

from __future__ import annotations

from collections.abc import Sequence

_AT_ONCE = 100
"""Lines that a block of a CMap may have."""


def to_unicode(pairs: Sequence[tuple[int, str]], code_bytes: int) -> bytes:
    """From codes to text."""
    digits = 2 * code_bytes
    lines = [f"<{code:0{digits}X}><{text.encode('utf-16-be').hex().upper()}>" for code, text in pairs]
    head = (
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n"
        "/CMapName/Adobe-Identity-UCS def\n/CMapType 2 def\n"
    )
    return _cmap(head, digits, _blocks("bfchar", lines))


def code_map(cids: Sequence[int]) -> tuple[bytes, bytes]:
    """From codes, which count from 0, to CIDs: entries of the stream's dictionary, and the stream."""
    lines = [f"<{code:04X}>{cid}" for code, cid in enumerate(cids)]
    head = (
        "/CIDSystemInfo 3 dict dup begin\n/Registry(Adobe)def\n/Ordering(Identity)def\n/Supplement 0 def\nend def\n"
        "/CMapName/Resma def\n/CMapType 1 def\n/WMode 0 def\n"
    )
    entries = b"/Type/CMap/CMapName/Resma/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/WMode 0"
    return entries, _cmap(head, 4, _blocks("cidchar", lines))


def _blocks(kind: str, lines: Sequence[str]) -> str:
    blocks = [lines[at : at + _AT_ONCE] for at in range(0, len(lines), _AT_ONCE)]
    return "\n".join([f"{len(block)} begin{kind}\n{chr(10).join(block)}\nend{kind}" for block in blocks])


def _cmap(head: str, digits: int, body: str) -> bytes:
    text = (
        f"/CIDInit/ProcSet findresource begin\n12 dict begin\nbegincmap\n{head}"
        f"1 begincodespacerange\n<{'0' * digits}><{'F' * digits}>\nendcodespacerange\n"
        f"{body}\nendcmap\nCMapName currentdict/CMap defineresource pop\nend\nend\n"
    )
    return text.encode("ascii")
