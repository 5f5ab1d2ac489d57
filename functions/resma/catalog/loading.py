"""Reads the folders of a catalog. Each diagnostic has a file, a line and a remedy."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from resma.catalog.consistency import find_name_errors
from resma.catalog.control import find_control_query_errors
from resma.catalog.diagnostics import CatalogCheckError, Diagnostic, FileName
from resma.catalog.model import ReportType
from resma.catalog.query_text import Tenants, find_query_errors
from resma.catalog.settings.file import CatalogSettings, valid_settings
from resma.catalog.shape_errors import find_shape_errors, syntax_error, with_lines
from resma.catalog.short_form import expand, in_file, is_derived

_FILES: tuple[FileName, ...] = ("report.toml", "query.sql", "control.sql")
_OPTIONAL: FileName = "control.sql"


def check_folder(folder: Path, settings: CatalogSettings | None = None) -> tuple[ReportType | None, list[Diagnostic]]:
    """Reads one report type. Returns it, or None and all errors of its files, each with a line.

    The default of `settings` is resma.toml in the parent folder, without its keys that have errors.
    """
    settings = settings or valid_settings(folder.parent)
    texts, diagnostics = _read_files(folder)
    if diagnostics:
        return None, diagnostics
    text = texts.pop("report.toml")
    # A query becomes a subquery, so a comment in its last line must end with a line break.
    queries = {name: query.rstrip() + "\n" for name, query in texts.items()}
    try:
        described = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [syntax_error(error, text, "report.toml"), *_find_query_errors(queries, None)]
    try:
        expanded, diagnostics = expand(described, folder.absolute().name)
    except CatalogCheckError as error:
        return None, with_lines([*error.diagnostics, *_find_query_errors(queries, None)], text, "report.toml")
    try:
        report_type = ReportType.model_validate(
            {
                **expanded,
                "query": queries["query.sql"],
                "control_query": queries.get("control.sql"),
                "tenants": settings.tenants,
            },
            context={"language": settings.language},
        )
    except ValidationError as error:
        found = in_file(find_shape_errors(error, ReportType, expanded), expanded)
        diagnostics += [item for item in found if not is_derived(item.key_path, described)]
    else:
        if not diagnostics:
            return report_type, []
    diagnostics += in_file(_find_other_errors(expanded, queries, settings), expanded)
    return None, with_lines(diagnostics, text, "report.toml")


def _read_files(folder: Path) -> tuple[dict[FileName, str], list[Diagnostic]]:
    """Returns the content of the files of a report type, and an error for each that cannot be read."""
    texts: dict[FileName, str] = {}
    diagnostics: list[Diagnostic] = []
    for name in _FILES:
        try:
            texts[name] = (folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            if name == _OPTIONAL:
                continue
            message = "The file is missing. A report type has report.toml and query.sql."
            diagnostics.append(Diagnostic(message, file=name, line=1))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            diagnostics.append(Diagnostic("The file is not valid UTF-8. Save it as UTF-8.", file=name, line=line))
    return texts, diagnostics


def _find_other_errors(
    expanded: Mapping[str, Any], queries: Mapping[FileName, str], settings: CatalogSettings
) -> Iterator[Diagnostic]:
    """Yields errors that can be found even if the document does not have the required shape."""
    yield from find_name_errors(expanded, queries["query.sql"])
    names = [item["name"] for item in expanded.get("filters", [])]
    yield from _find_query_errors(queries, names, settings.tenants)


def _find_query_errors(
    queries: Mapping[FileName, str], filters: Collection[str] | None, tenants: Tenants = "required"
) -> Iterator[Diagnostic]:
    """Yields errors of the text of both queries. The arguments are those of `find_query_errors`."""
    yield from find_query_errors(queries["query.sql"], filters, tenants=tenants)
    if "control.sql" in queries:
        yield from find_control_query_errors(queries["control.sql"], filters, tenants=tenants)
