"""Decides from the summary whether a report is generated, by the conditions of its request (`onlyIf`).

The worker that has counted the rows decides, before the first row is read and before an upload is started. An attempt
that continues a report does not decide again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Literal

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.catalog import load_catalog
from resma.report.header import Total
from resma.report.only_if import OnlyIf, RowsCondition, TotalCondition
from resma.report.summary import Summary
from resma.short_text import counted, shorten, show_amount

if TYPE_CHECKING:
    from resma.jobs.claim import Claim

SkipCode = Literal["rows-out-of-range", "total-out-of-range", "not-changed"]

_MAX_SHOWN = 5
"""Maximum number of totals in a detail."""

_MAX_CHARACTERS = 60
"""Maximum length of a currency or an amount in a detail."""


@dataclass(frozen=True)
class SkippedReason:
    """The condition that the data of a report do not meet."""

    code: SkipCode
    detail: str
    """A sentence with the limit and the value."""


class ReportSkippedError(Exception):
    """The data of a report do not meet a condition of its request. The report ends as SKIPPED."""

    def __init__(self, reason: SkippedReason) -> None:
        super().__init__(reason.detail)
        self.reason = reason


def hash_summary(summary: Summary) -> str:
    """Returns a hash of the rows' count, the totals and the groups of all charts and periods, but not of the time."""
    totals = [[total.currency, total.rows, *map(str, total.amounts)] for total in summary.totals]
    balance = summary.balance and [summary.balance.opening, summary.balance.closing]
    content = [summary.rows, summary.checksum, totals, summary.totals_omitted, balance]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def skip_reason(connection: Connection[TupleRow], claim: Claim, summary: Summary) -> SkippedReason | None:
    """Returns the first condition of a claimed report that its data do not meet; None if it is to be generated."""
    if claim.only_if is None:
        return None
    only_if = OnlyIf.model_validate(claim.only_if)
    if only_if.rows is not None and (reason := _check_rows(only_if.rows, summary.rows)):
        return reason
    spec = load_catalog()[claim.type].totals
    names = spec.amounts if spec else ()
    for condition in only_if.totals or ():
        if condition.amount in names and (reason := _check_total(condition, summary, names.index(condition.amount))):
            return reason
    return _check_changed(connection, claim, summary) if only_if.changed else None


def _check_rows(condition: RowsCondition, rows: int) -> SkippedReason | None:
    if condition.min is not None and rows < condition.min:
        limit = f"minimum of {condition.min:,}"
    elif condition.max is not None and rows > condition.max:
        limit = f"maximum of {condition.max:,}"
    else:
        return None
    return SkippedReason("rows-out-of-range", f"The data have {counted(rows, 'row')}, and `onlyIf` has a {limit}.")


def _check_total(condition: TotalCondition, summary: Summary, index: int) -> SkippedReason | None:
    """Checks a condition on a total. Without rows, the total is 0. A total that was omitted meets every condition."""
    totals = summary.totals
    if condition.currency is not None:
        totals = tuple(total for total in totals if total.currency == condition.currency)
    if not totals:
        if summary.totals_omitted:
            return None
        totals = (Total(condition.currency, 0, (Decimal(0),) * (index + 1)),)
    if any(_is_within(condition, total.amounts[index]) for total in totals):
        return None
    limits = [f"{name} of {limit}" for name, limit in (("minimum", condition.min), ("maximum", condition.max)) if limit]
    shown = _show_totals(condition.amount, totals, index)
    return SkippedReason("total-out-of-range", f"{shown}, and `onlyIf` has a {' and a '.join(limits)}.")


def _is_within(condition: TotalCondition, amount: Decimal) -> bool:
    if amount.is_nan():
        return False
    is_high_enough = condition.min is None or amount >= Decimal(condition.min)
    return is_high_enough and (condition.max is None or amount <= Decimal(condition.max))


def _show_totals(name: str, totals: Sequence[Total], index: int) -> str:
    shown = [
        " ".join(filter(None, (shorten(total.currency or "", _MAX_CHARACTERS), show_amount(total.amounts[index], 40))))
        for total in islice(totals, _MAX_SHOWN)
    ]
    if len(totals) > len(shown):
        shown.append("…")
    if len(totals) == 1:
        return f"The total of `{name}` is {shown[0]}"
    return f"The totals of `{name}` are {', '.join(shown)}"


def _check_changed(connection: Connection[TupleRow], claim: Claim, summary: Summary) -> SkippedReason | None:
    """Compares the summary with that of the last report of the same schedule, or else of the same request."""
    same = (
        "schedule_id = %(schedule_id)s"
        if claim.schedule_id is not None
        else "coalesce(unconditional_sha256, request_sha256) = %(request)s"
    )
    last = connection.execute(
        f"SELECT report_id, created_at, rows_expected, summary_sha256, encrypt_for FROM resma.reports"
        f" WHERE tenant_id = %(tenant_id)s AND {same} AND status IN ('READY', 'EXPIRED', 'SKIPPED')"
        f" AND created_at < %(created_at)s ORDER BY created_at DESC LIMIT 1",
        {
            "tenant_id": claim.tenant_id,
            "schedule_id": claim.schedule_id,
            "request": claim.unconditional_sha256,
            "created_at": claim.created_at,
        },
    ).fetchone()
    if last is None or last[3:] != (hash_summary(summary), claim.encrypt_for):
        return None
    report_id, created_at, rows, *_ = last
    detail = (
        f"The data have not changed since report {report_id} of {created_at:%Y-%m-%d %H:%M} UTC: then {rows:,}, now "
        f"{counted(summary.rows, 'row')}, with the same totals."
    )
    return SkippedReason("not-changed", detail)
