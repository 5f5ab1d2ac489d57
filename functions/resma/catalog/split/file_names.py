"""Names of the files of a split report. Two keys never have the same name, also on file systems that ignore case."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from resma.catalog.file_names import MAX_NAME, PLACEHOLDER, fill_pattern, is_pattern, safe_value
from resma.report.rows import Row

if TYPE_CHECKING:
    from resma.catalog.model import ReportType

NUMBER = "number"
"""Placeholder of the number of a file."""

_NULL = "none"
"""NULL in a file name."""

_DIGITS = 16
"""Hexadecimal digits of the hash in a name. Two of a million keys have the same digits with a probability of 3e-8."""

_PLAIN = re.compile(r"[A-Z0-9._-]+")
_PLAIN_UUID = re.compile(r"[a-z0-9-]+")
_LOOKS_HASHED = re.compile(rf"-[0-9A-Fa-f]{{{_DIGITS}}}$")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9]|manifest)(\.|$)", re.IGNORECASE)
"""Names that Windows reserves for devices, with any extension (Naming Files, Paths, and Namespaces), and the name of
the manifest, which is beside the files."""


def file_name_of_key(
    report_type: ReportType, split_by: Sequence[str], cells: Row, number: int, values: Mapping[str, Any]
) -> str:
    """Returns the name of a key's file, without its extension.

    `values` are those of the placeholders that are the same for all files, such as `period`. A hash of the key follows
    the name, unless the name alone shows which key it is: see `_identifies`.
    """
    pattern = pattern_of(report_type)
    texts = [_NULL if cell is None else cell.decode() for cell in cells]
    name = fill_pattern(pattern, {**values, **dict(zip(split_by, texts, strict=True)), NUMBER: number})
    is_reserved = _RESERVED.match(name) is not None
    variables = _variables(pattern, tuple(split_by))
    if (
        len(name) <= MAX_NAME
        and not is_reserved
        and not _LOOKS_HASHED.search(name)
        and _identifies(report_type, split_by, cells, variables)
    ):
        return name
    stem = f"_{name}" if is_reserved else name
    cut = stem[: MAX_NAME - _DIGITS - 1].strip("-.") or "file"
    return f"{cut}-{_hash(cells)}"


def pattern_of(report_type: ReportType) -> str:
    """Returns the pattern of file names: that of `[split]`, or that of the report type, followed by the columns."""
    assert report_type.split is not None
    if report_type.split.file_name is not None:
        return report_type.split.file_name
    by, personal = report_type.split.by, {item.name for item in report_type.filters if item.personal}
    used = set(PLACEHOLDER.findall(report_type.file_name)) if is_pattern(report_type.file_name) else set()
    columns = [NUMBER] if personal.intersection(by) else [name for name in by if name not in used]
    return "-".join([report_type.file_name, *(f"{{{name}}}" for name in columns)])


def _identifies(report_type: ReportType, split_by: Sequence[str], cells: Row, variables: tuple[str, ...]) -> bool:
    """Returns whether a name shows which key it is, also if case is ignored.

    It does if it begins or ends with the number, or if it has each column, the values are not changed in the name, and
    their parts of the name cannot be confused. `variables` are the placeholders that vary, in order; empty if no `-` is
    between two of them. All other parts are the same in all names.
    """
    if NUMBER in {*variables[:1], *variables[-1:]}:
        return True
    if not set(split_by).issubset(variables):
        return False
    kinds = {column.name: column.kind for column in report_type.columns}
    for name, cell in zip(split_by, cells, strict=True):
        text = "" if cell is None else cell.decode()
        plain = _PLAIN_UUID if kinds[name] == "uuid" else _PLAIN
        if not plain.fullmatch(text) or safe_value(text) != text or (len(variables) > 1 and "-" in text):
            return False
    return True


@lru_cache
def _variables(pattern: str, split_by: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the placeholders of a pattern that vary between files, in order; none if no `-` is between two."""
    found: list[str] = []
    between = "-"
    for index, part in enumerate(PLACEHOLDER.split(pattern)):  # fixed text and placeholders alternate
        if index % 2 == 0:
            between += part
        elif part in {*split_by, NUMBER}:
            if "-" not in between:
                return ()
            found.append(part)
            between = ""
    return tuple(found)


def _hash(cells: Row) -> str:
    # NULL differs from every value, and text contains no zero byte.
    joined = b"\0".join(b"-" if cell is None else b"+" + cell for cell in cells)
    return hashlib.sha256(joined).hexdigest()[:_DIGITS]
