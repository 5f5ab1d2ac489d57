"""Errors of the shape of a TOML file of the catalog, from pydantic's errors: each with its line and a remedy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from resma.catalog.diagnostics import CatalogCheckError, Diagnostic, FileName, KeyPath, suggest
from resma.validation_messages import advise

_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_DUPLICATE = re.compile(r"Cannot overwrite a value|Cannot declare .* twice|Duplicate inline table key")
_EXPECTED = re.compile(r"'([^']*)'")
_NOUNS = {"columns": "Column", "filters": "Filter", "charts": "Chart"}
_TABLE = "It must be a table, like { key = value }."
_IN_TOML = {
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "list_type": "It must be an array, like [value, value].",
    "tuple_type": "It must be an array, like [value, value].",
}
"""Messages in terms of TOML, by the type of pydantic's error."""

_MAX_SHOWN = 100
"""Maximum length of a wrong value in a message, in characters."""


def syntax_error(error: tomllib.TOMLDecodeError, text: str, file: FileName) -> Diagnostic:
    """Returns the diagnostic of a file that is not TOML."""
    match = _AT_LINE.search(str(error))
    line = int(match[1]) if match and match[1] else text.rstrip().count("\n") + 1
    detail = _AT_LINE.sub("", str(error))
    if _DUPLICATE.match(detail):
        detail = "A key or a table is duplicated. Remove one"
    return Diagnostic(f"The file is not valid TOML. {detail}.", file=file, line=line)


def with_lines(diagnostics: Iterable[Diagnostic], text: str, file: FileName) -> list[Diagnostic]:
    """Returns the diagnostics with lines, sorted by position, without duplicates. `text` is the content of `file`.

    Key paths are paths of this file. Diagnostics that have a line keep it and their file.
    """
    from resma.catalog.toml_lines import find_lines, line_of  # noqa: PLC0415  # only needed for errors

    lines = find_lines(text)
    found = [
        item if item.line else replace(item, file=file, line=line_of(item.key_path, lines)) for item in diagnostics
    ]
    by_position = {(item.file != file, item.file, item.line, item.message): item for item in found}
    return [by_position[position] for position in sorted(by_position)]


def find_shape_errors(
    error: ValidationError, root: type[BaseModel], described: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    """Yields pydantic's errors as diagnostics. `described` is what was validated, and `root` the model of the file."""
    for item in error.errors(include_url=False):
        key_path: KeyPath = tuple(item["loc"])
        owner = _owner(key_path, root, described)
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, CatalogCheckError):
            owner = _owner((*key_path, ""), root, described)
            for diagnostic in cause.diagnostics:
                path = key_path + diagnostic.key_path
                yield replace(diagnostic, message=owner + diagnostic.message, key_path=path)
        elif item["type"] == "missing":
            yield Diagnostic(f"{owner}`{key_path[-1]}` is missing. Add it.", key_path[:-1])
        else:
            yield Diagnostic(owner + _shape_message(item, key_path, root), key_path)


def _shape_message(item: Any, key_path: KeyPath, root: type[BaseModel]) -> str:
    """Returns one of pydantic's errors as a message with a remedy."""
    key = key_path[-1] if key_path else "This file"
    if item["type"] == "extra_forbidden":
        known = _known_keys(_model_of(root, key_path[:-1]))
        if key_path[0] in _NOUNS:
            known = [name for name in known if name != "name"]  # the name is the key of the table
        if key == "type" and "kind" in known:
            return "The key `type` is unknown. Use 'kind'."
        if len(key_path) > 1 and key in root.model_fields and key not in known:
            return f"The key `{key}` belongs to the top of the file. Move it above the first table header."
        return f"The key `{key}` is unknown. {suggest(key, known)}"
    shown = repr(item["input"])
    if len(shown) > _MAX_SHOWN:
        shown = f"{shown[: _MAX_SHOWN - 1]}…"
    if item["type"] == "literal_error":
        return f"`{key}` must not be {shown}. {suggest(item['input'], _EXPECTED.findall(item['ctx']['expected']))}"
    remedy = _IN_TOML.get(item["type"]) or advise(item, otherwise=item["msg"] + ".")
    return f"`{key}` must not be {shown}. {remedy}"


def _known_keys(model: type[BaseModel] | None) -> list[str]:
    """Returns the keys of a table, as the file spells them."""
    if model is None:
        return []
    hidden = getattr(model, "NOT_IN_FILE", ())
    return [field.alias or name for name, field in model.model_fields.items() if name not in hidden]


def _model_of(root: type[BaseModel], key_path: KeyPath) -> type[BaseModel] | None:
    """Returns the model of the table at a key path; None if there is no table."""
    model: type[BaseModel] | None = root
    for part in key_path:
        if model is None:
            return None
        # Indexes of arrays, and keys of tables by name, do not lead to another model.
        if field := model.model_fields.get(str(part)):
            model = _find_model(field.annotation)
    return model


def _find_model(annotation: Any) -> type[BaseModel] | None:
    """Returns the first model that a type consists of: `ColumnSpec` of `tuple[ColumnSpec, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := _find_model(argument))), None)


def _owner(key_path: KeyPath, root: type[BaseModel], described: Mapping[str, Any]) -> str:
    """Returns the prefix of a message that names the part of the file which has the error: `Column 'amount': `."""
    if not key_path or _model_of(root, key_path[:1]) is None:
        return ""
    table, *rest = key_path
    if len(key_path) < 2 and not isinstance(described.get(str(table)), Mapping):
        return ""
    owner = f"`{table}`"
    if rest and isinstance(rest[0], int):
        item = described[str(table)][rest[0]]
        name = item.get("name") if isinstance(item, Mapping) else None
        owner = f"{_NOUNS.get(str(table), owner)} {repr(name) if isinstance(name, str) else rest[0] + 1}"
        rest = rest[1:]
    inner = [f"`{part}`" for part in rest[:-1] if isinstance(part, str)]
    return f"{', '.join([owner, *inner])}: "
