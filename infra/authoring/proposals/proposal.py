"""A proposed report type, before its files are written."""

from __future__ import annotations

from dataclasses import dataclass

from resma.report.header import Kind


@dataclass(frozen=True, slots=True)
class ProposedColumn:
    """One column: its name and kind, and what differs from the defaults of the kind."""

    name: str
    kind: Kind
    heading: str | None = None
    wrap: bool = False
    scale: int | None = None
    is_rounded: bool = False
    """Whether files for people show exactly `scale` decimals; otherwise values keep their decimals."""


@dataclass(frozen=True, slots=True)
class ProposedFilter:
    """One filter, with its condition in SQL if the query has none yet."""

    name: str
    kind: str
    condition: str | None = None
    choices: tuple[str, ...] = ()
    not_before: str | None = None
    label: str | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision: what was chosen for a part of the report type, and why."""

    part: str
    """`sort`, `period`, `totals`, `filters`, or a column."""
    chosen: str
    reason: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A report type, as it is written to report.toml."""

    title: str
    description: str | None
    columns: tuple[ProposedColumn, ...]
    sort: tuple[str, ...]
    period: str | None
    amounts: tuple[str, ...]
    currency: str | None
    filters: tuple[ProposedFilter, ...]
    choices: tuple[Choice, ...]
    """The decisions, to be printed."""
