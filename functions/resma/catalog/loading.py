"""Reads the folders of a catalog. Each diagnostic has a file, a line and a remedy."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from resma.catalog.consistency import find_name_errors
from resma.catalog.diagnostics import Diagnostic, FileName
from resma.catalog.model import ReportType
from resma.catalog.query_text import find_query_errors
from resma.catalog.shape_errors import find_shape_errors, syntax_error, with_lines

_FILES: tuple[FileName, ...] = ("report.toml", "query.sql")


def check_folder(folder: Path) -> tuple[ReportType | None, list[Diagnostic]]:
    """Reads one report type. Returns it, or None and all errors of its two files, each with a line."""
    texts: dict[str, str] = {}
    diagnostics: list[Diagnostic] = []
    for name in _FILES:
        try:
            texts[name] = (folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            diagnostics.append(
                Diagnostic("The file is missing. A report type has report.toml and query.sql.", file=name, line=1)
            )
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            diagnostics.append(Diagnostic("The file is not valid UTF-8. Save it as UTF-8.", file=name, line=line))
    if diagnostics:
        return None, diagnostics
    # The query becomes a subquery, so a comment in its last line must end with a line break.
    query = texts["query.sql"].rstrip() + "\n"
    try:
        described = tomllib.loads(texts["report.toml"])
    except tomllib.TOMLDecodeError as error:
        return None, [syntax_error(error, texts["report.toml"], "report.toml"), *find_query_errors(query, None)]
    try:
        if "query" not in described:
            return ReportType.model_validate({**described, "query": query}), []
        diagnostics = [Diagnostic("The query belongs in query.sql. Remove this key.", ("query",))]
    except ValidationError as error:
        diagnostics = list(find_shape_errors(error, ReportType, described))
    return None, with_lines([*diagnostics, *_find_other_errors(described, query)], texts["report.toml"], "report.toml")


def _find_other_errors(described: Mapping[str, Any], query: str) -> Iterator[Diagnostic]:
    """Yields errors that can be found even if the document does not have the required shape."""
    yield from find_name_errors(described, query)
    filters = described.get("filters", [])
    if isinstance(filters, list):
        names = [item.get("name") for item in filters if isinstance(item, Mapping)]
        yield from find_query_errors(query, [name for name in names if isinstance(name, str)])
