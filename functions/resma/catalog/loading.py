"""Reads the folders of a catalog. What is wrong in them is said with file, line and remedy."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from resma.catalog.consistency import name_mistakes
from resma.catalog.diagnostics import CatalogCheckError, Diagnostic, FileName, Place, lower_first, suggest
from resma.catalog.model import BalanceSpec, ChartSpec, ColumnSpec, Filter, Limits, ReportType, Texts, Totals
from resma.catalog.query_text import find_query_mistakes
from resma.errors import CatalogInvalidError, FieldError, RequestInvalidError
from resma.validation_messages import advise

CATALOG_FOLDER = Path(__file__).parents[2] / "catalog"
"""Where report types are, unless the environment's RESMA_CATALOG names another folder."""

_FILES: tuple[FileName, ...] = ("report.toml", "query.sql")
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_EXPECTED = re.compile(r"'([^']*)'")
_TABLES: dict[str, type[BaseModel]] = {
    "title": Texts,
    "description": Texts,
    "heading": Texts,
    "label": Texts,
    "columns": ColumnSpec,
    "filters": Filter,
    "totals": Totals,
    "balance": BalanceSpec,
    "charts": ChartSpec,
    "limits": Limits,
}


def catalog_folder() -> Path:
    """The folder that report types are read from."""
    return Path(os.environ.get("RESMA_CATALOG") or CATALOG_FOLDER)


def load_catalog(folder: Path | None = None) -> Mapping[str, ReportType]:
    """Reads every report type, by its name, once a folder.

    Raises CatalogInvalidError that names file, line and remedy of the first mistake; `make check` names them all.
    """
    return _load(folder or catalog_folder())


def find_report_type(name: str) -> ReportType:
    """Returns the report type of that name. Raises RequestInvalidError that names those there are."""
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
                Diagnostic(f"there is another report type {report_type.type}: rename one", ("type",), line=1)
            ]
        if report_type is None or diagnostics:
            first = diagnostics[0]
            raise CatalogInvalidError(f"{path.parent / first.file}:{first.line}: {first.says}")
        found[report_type.type] = report_type
    return found


def check_folder(folder: Path) -> tuple[ReportType | None, list[Diagnostic]]:
    """Reads one report type; returns it, or all that is wrong with its two files, each with a line."""
    texts: dict[str, str] = {}
    diagnostics: list[Diagnostic] = []
    for name in _FILES:
        try:
            texts[name] = (folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            diagnostics.append(Diagnostic("the file is missing: a report type has two", file=name, line=1))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            diagnostics.append(Diagnostic("this is no UTF-8: save the file so", file=name, line=line))
    if diagnostics:
        return None, diagnostics
    # The query becomes part of a larger one: a comment in its last line must end there.
    query = texts["query.sql"].rstrip() + "\n"
    try:
        described = tomllib.loads(texts["report.toml"])
    except tomllib.TOMLDecodeError as error:
        return None, [_syntax_mistake(error, texts["report.toml"]), *find_query_mistakes(query, None)]
    try:
        if "query" not in described:
            return ReportType.model_validate({**described, "query": query}), []
        diagnostics = [Diagnostic("the query stands in query.sql: leave this key out", ("query",))]
    except ValidationError as error:
        diagnostics = list(_shape_mistakes(error, described))
    return None, _with_lines([*diagnostics, *_more_mistakes(described, query)], texts["report.toml"])


def _more_mistakes(described: Mapping[str, Any], query: str) -> Iterator[Diagnostic]:
    """What can be said even where the shape is wrong."""
    yield from name_mistakes(described, query)
    filters = described.get("filters", [])
    if isinstance(filters, list):
        names = [item.get("name") for item in filters if isinstance(item, Mapping)]
        yield from find_query_mistakes(query, [name for name in names if isinstance(name, str)])


def _with_lines(diagnostics: list[Diagnostic], text: str) -> list[Diagnostic]:
    """Each mistake once, in the order of the files."""
    from resma.catalog.toml_lines import find_lines, line_of  # noqa: PLC0415  # nobody needs it while all is well

    lines = find_lines(text)
    placed = {
        (diagnostic.file, diagnostic.line or line_of(diagnostic.at, lines), diagnostic.says): diagnostic
        for diagnostic in diagnostics
    }
    return [
        Diagnostic(says, diagnostic.at, diagnostic.file, line)
        for (_, line, says), diagnostic in sorted(
            placed.items(), key=lambda item: (item[0][0] != "report.toml", item[0])
        )
    ]


def _syntax_mistake(error: tomllib.TOMLDecodeError, text: str) -> Diagnostic:
    found = _AT_LINE.search(str(error))
    line = int(found[1]) if found and found[1] else text.rstrip().count("\n") + 1
    says = _AT_LINE.sub("", str(error))
    if says == "Cannot overwrite a value":
        says = "a key comes twice: leave one out"
    return Diagnostic(f"this is no TOML: {says}", line=line)


def _shape_mistakes(error: ValidationError, described: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for item in error.errors(include_url=False):
        at: Place = tuple(item["loc"])
        found = item.get("ctx", {}).get("error")
        if isinstance(found, CatalogCheckError):
            for diagnostic in found.diagnostics:
                says = _owner(at, described) + diagnostic.says
                yield Diagnostic(says, at + diagnostic.at, diagnostic.file, diagnostic.line)
        elif item["type"] == "missing":
            yield Diagnostic(f"{_owner(at, described)}{at[-1]} is missing: add it", at[:-1])
        else:
            yield Diagnostic(_owner(at, described) + _shape_words(item, at), at)


def _shape_words(item: Any, at: Place) -> str:
    """What pydantic found, with a remedy."""
    key = at[-1] if at else "report.toml"
    if item["type"] == "extra_forbidden":
        known = _known_keys(at)
        if key in ReportType.model_fields and key not in known:
            return f"the key {key} belongs to the report: move it above the first line in brackets"
        return f"the key {key} is unknown: {suggest(key, known)}"
    if item["type"] == "literal_error":
        return (
            f"{key} {item['input']!r} is unknown: {suggest(item['input'], _EXPECTED.findall(item['ctx']['expected']))}"
        )
    return f"{key} {item['input']!r}: {lower_first(advise(item, otherwise=item['msg']))}"


def _known_keys(at: Place) -> list[str]:
    tables = [part for part in at[:-1] if isinstance(part, str)]
    model = _TABLES.get(tables[-1], ReportType) if tables else ReportType
    return [name for name in model.model_fields if name != "query"]


def _owner(at: Place, described: Mapping[str, Any]) -> str:
    """Whose mistake it is, in words: `column amount: `."""
    if not at or at[0] not in _TABLES or (len(at) < 2 and at[0] not in {"totals", "balance"}):
        return ""
    words = {"columns": "column", "filters": "filter", "charts": "chart"}
    owner = str(words.get(str(at[0]), at[0]))
    rest = at[1:]
    if rest and isinstance(rest[0], int):
        item = described[str(at[0])][rest[0]]
        name = item.get("name") if isinstance(item, Mapping) else None
        owner += f" {name if isinstance(name, str) else rest[0] + 1}"
        rest = rest[1:]
    inner = [str(part) for part in rest[:-1] if isinstance(part, str)]
    return ": ".join([owner, *inner, ""])
