"""Reads the folders of a catalog. Each diagnostic has a file, a line and a remedy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from resma.catalog.consistency import find_name_errors
from resma.catalog.diagnostics import CatalogCheckError, Diagnostic, FileName, KeyPath, suggest
from resma.catalog.folder import catalog_folder
from resma.catalog.model import BalanceSpec, ChartSpec, ColumnSpec, Filter, Limits, LocalizedText, ReportType, Totals
from resma.catalog.query_text import find_query_errors
from resma.errors import CatalogInvalidError, FieldError, RequestInvalidError
from resma.validation_messages import advise

_FILES: tuple[FileName, ...] = ("report.toml", "query.sql")
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_EXPECTED = re.compile(r"'([^']*)'")
_TABLES: dict[str, type[BaseModel]] = {
    "title": LocalizedText,
    "description": LocalizedText,
    "heading": LocalizedText,
    "label": LocalizedText,
    "columns": ColumnSpec,
    "filters": Filter,
    "totals": Totals,
    "balance": BalanceSpec,
    "charts": ChartSpec,
    "limits": Limits,
}
_NOUNS = {"columns": "Column", "filters": "Filter", "charts": "Chart"}


def load_catalog(folder: Path | None = None) -> Mapping[str, ReportType]:
    """Returns the report types of a folder, by name. The result is cached.

    Raises CatalogInvalidError with the file, line and remedy of the first error; `make check` prints all errors.
    """
    return _load(folder or catalog_folder())


def find_report_type(name: str) -> ReportType:
    """Returns the report type of that name. Raises RequestInvalidError, which names the types that exist."""
    catalog = load_catalog()
    if name not in catalog:
        field_error = FieldError("/type", f"Unknown report type. It must be one of {', '.join(catalog)}.")
        raise RequestInvalidError.of([field_error])
    return catalog[name]


@lru_cache
def _load(folder: Path) -> Mapping[str, ReportType]:
    found: dict[str, ReportType] = {}
    for path in sorted(folder.glob("*/report.toml")):
        report_type, diagnostics = check_folder(path.parent)
        if report_type and report_type.type in found:
            diagnostics = [
                Diagnostic(f"Another folder has the report type {report_type.type}. Rename one.", ("type",), line=1)
            ]
        if report_type is None or diagnostics:
            first = diagnostics[0]
            raise CatalogInvalidError(f"{path.parent / first.file}:{first.line}: {first.message}")
        found[report_type.type] = report_type
    return found


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
        return None, [_syntax_error(error, texts["report.toml"]), *find_query_errors(query, None)]
    try:
        if "query" not in described:
            return ReportType.model_validate({**described, "query": query}), []
        diagnostics = [Diagnostic("The query belongs in query.sql. Remove this key.", ("query",))]
    except ValidationError as error:
        diagnostics = list(_find_shape_errors(error, described))
    return None, _with_lines([*diagnostics, *_find_other_errors(described, query)], texts["report.toml"])


def _find_other_errors(described: Mapping[str, Any], query: str) -> Iterator[Diagnostic]:
    """Yields errors that can be found even if the document does not have the required shape."""
    yield from find_name_errors(described, query)
    filters = described.get("filters", [])
    if isinstance(filters, list):
        names = [item.get("name") for item in filters if isinstance(item, Mapping)]
        yield from find_query_errors(query, [name for name in names if isinstance(name, str)])


def _with_lines(diagnostics: list[Diagnostic], text: str) -> list[Diagnostic]:
    """Returns the diagnostics with lines, sorted by position, without duplicates."""
    from resma.catalog.toml_lines import find_lines, line_of  # noqa: PLC0415  # only needed for errors

    lines = find_lines(text)
    by_position = {
        (diagnostic.file, diagnostic.line or line_of(diagnostic.key_path, lines), diagnostic.message): diagnostic
        for diagnostic in diagnostics
    }
    return [
        Diagnostic(message, diagnostic.key_path, diagnostic.file, line)
        for (_, line, message), diagnostic in sorted(
            by_position.items(), key=lambda item: (item[0][0] != "report.toml", item[0])
        )
    ]


def _syntax_error(error: tomllib.TOMLDecodeError, text: str) -> Diagnostic:
    match = _AT_LINE.search(str(error))
    line = int(match[1]) if match and match[1] else text.rstrip().count("\n") + 1
    detail = _AT_LINE.sub("", str(error))
    if detail == "Cannot overwrite a value":
        detail = "A key is duplicated. Remove one"
    return Diagnostic(f"The file is not valid TOML. {detail}.", line=line)


def _find_shape_errors(error: ValidationError, described: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for item in error.errors(include_url=False):
        key_path: KeyPath = tuple(item["loc"])
        owner = _owner(key_path, described)
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, CatalogCheckError):
            for diagnostic in cause.diagnostics:
                path = key_path + diagnostic.key_path
                yield Diagnostic(owner + diagnostic.message, path, diagnostic.file, diagnostic.line)
        elif item["type"] == "missing":
            yield Diagnostic(f"{owner}`{key_path[-1]}` is missing. Add it.", key_path[:-1])
        else:
            yield Diagnostic(owner + _shape_message(item, key_path), key_path)


def _shape_message(item: Any, key_path: KeyPath) -> str:
    """Returns one of pydantic's errors as a message with a remedy."""
    key = key_path[-1] if key_path else "report.toml"
    if item["type"] == "extra_forbidden":
        known = _known_keys(key_path)
        if key in ReportType.model_fields and key not in known:
            return f"The key `{key}` belongs to the report. Move it above the first table header."
        return f"The key `{key}` is unknown. {suggest(key, known)}"
    if item["type"] == "literal_error":
        remedy = suggest(item["input"], _EXPECTED.findall(item["ctx"]["expected"]))
        return f"`{key}` must not be {item['input']!r}. {remedy}"
    return f"`{key}` must not be {item['input']!r}. {advise(item, otherwise=item['msg'] + '.')}"


def _known_keys(key_path: KeyPath) -> list[str]:
    tables = [part for part in key_path[:-1] if isinstance(part, str)]
    model = _TABLES.get(tables[-1], ReportType) if tables else ReportType
    return [name for name in model.model_fields if name != "query"]


def _owner(key_path: KeyPath, described: Mapping[str, Any]) -> str:
    """Returns the prefix of a message that names the part of report.toml which has the error: `Column 'amount': `."""
    if not key_path or key_path[0] not in _TABLES or (len(key_path) < 2 and key_path[0] not in {"totals", "balance"}):
        return ""
    table, *rest = key_path
    owner = f"`{table}`"
    if rest and isinstance(rest[0], int):
        item = described[str(table)][rest[0]]
        name = item.get("name") if isinstance(item, Mapping) else None
        owner = f"{_NOUNS[str(table)]} {repr(name) if isinstance(name, str) else rest[0] + 1}"
        rest = rest[1:]
    inner = [f"`{part}`" for part in rest[:-1] if isinstance(part, str)]
    return f"{', '.join([owner, *inner])}: "
