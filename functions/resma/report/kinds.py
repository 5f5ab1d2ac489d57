"""Kinds of columns: what each can be used for, and the types of Postgres that it can hold.

The query keeps its native types. The worker's SELECT converts them (snapshot/conversion.py), so that authors of queries
write no casts. Types are named as `format_type(oid, NULL)` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping

from resma.report.header import Kind

ADDABLE: frozenset[Kind] = frozenset({"integer", "amount", "float"})
"""Kinds whose values can be added up. Floats are added as exact decimals."""

FRACTIONAL: frozenset[Kind] = frozenset({"amount", "float"})
"""Kinds whose values have a decimal mark."""

DATED: frozenset[Kind] = frozenset({"date", "timestamp", "local_timestamp"})
"""Kinds whose values have a day, and so a month and a year."""

UNBOUNDED: frozenset[Kind] = frozenset({"text", "json", "binary"})
"""Kinds whose cells can have any length, so that the summary measures them."""

MASKABLE: frozenset[Kind] = frozenset({"text", "json"})
"""Kinds whose values can be replaced by a mask in every format."""

UNSORTABLE: frozenset[Kind] = frozenset({"json"})
"""Kinds that rows cannot be sorted by."""

_TYPES: Mapping[Kind, tuple[str, ...]] = {
    "integer": ("bigint", "integer", "smallint"),
    "amount": ("numeric", "money", "bigint", "integer", "smallint", "real", "double precision"),
    "float": ("double precision", "real"),
    "boolean": ("boolean",),
    "date": ("date",),
    "timestamp": ("timestamp with time zone",),
    "local_timestamp": ("timestamp without time zone",),
    "time": ("time without time zone",),
    "interval": ("interval",),
    "uuid": ("uuid",),
    "binary": ("bytea",),
    "json": ("jsonb", "json", "hstore", "record"),
}

_KIND_OF_TYPE: Mapping[str, Kind] = {
    "numeric": "amount",
    "money": "amount",
    "real": "float",
    "double precision": "float",
    **{name: kind for kind, names in _TYPES.items() if kind not in {"amount", "float"} for name in names},
}


def kind_of_type(type_name: str, *, is_composite: bool = False) -> Kind:
    """Returns the kind that holds every value of a type. Types without a kind of their own are text.

    `is_composite` says whether the type is a row type (`pg_type.typtype` is `c`), which its name does not show.

    >>> kind_of_type("double precision"), kind_of_type("integer[]"), kind_of_type("inet")
    ('float', 'json', 'text')
    """
    name = _without_schema(type_name)
    if is_composite or name.endswith("[]"):
        return "json"
    return _KIND_OF_TYPE.get(name, "text")


def can_hold(kind: Kind, type_name: str, *, is_composite: bool = False) -> bool:
    """Returns whether a column of this kind can show every value of the type. Kind text can show all types."""
    name = _without_schema(type_name)
    if kind == "json" and (is_composite or name.endswith("[]")):
        return True
    return kind == "text" or name in _TYPES[kind]


def _without_schema(type_name: str) -> str:
    """Returns the name of an extension's type (`hstore`) without its schema, which depends on the installation."""
    return "hstore" if type_name.rpartition(".")[2] == "hstore" else type_name
