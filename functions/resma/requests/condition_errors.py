"""Validation of the conditions of a request (`onlyIf`), beyond the types of their values."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from resma.catalog import ReportType
from resma.report.only_if import OnlyIf, TotalCondition
from resma.request_errors import FieldError, json_pointer


def find_condition_errors(report_type: ReportType | None, only_if: OnlyIf) -> Iterator[FieldError]:
    """Yields all errors of conditions; if the report type is unknown, those that do not depend on it.

    It is not an error that a condition is never met.
    """
    if only_if.rows is None and only_if.totals is None and not only_if.changed:
        yield FieldError("/onlyIf", "It must have at least one condition: `rows`, `totals`, or `changed` as true.")
    if only_if.rows is not None:
        yield from _limit_errors("/onlyIf/rows", only_if.rows.min, only_if.rows.max)
    if only_if.totals is not None and report_type is not None and report_type.totals is None:
        yield FieldError("/onlyIf/totals", "Remove it: this report type has no totals.")
        return
    for index, condition in enumerate(only_if.totals or ()):
        pointer = json_pointer("onlyIf", "totals", index)
        if report_type is not None:
            yield from _name_errors(pointer, report_type, condition)
        low, high = (None if limit is None else Decimal(limit) for limit in (condition.min, condition.max))
        yield from _limit_errors(pointer, low, high)


def _name_errors(pointer: str, report_type: ReportType, condition: TotalCondition) -> Iterator[FieldError]:
    assert report_type.totals is not None
    if condition.amount not in report_type.totals.amounts:
        names = ", ".join(report_type.totals.amounts)
        yield FieldError(f"{pointer}/amount", f"Unknown total. The totals of this report type are: {names}.")
    if condition.currency is not None and report_type.totals.currency is None:
        yield FieldError(f"{pointer}/currency", "Remove it: totals of this report type have no currency.")


def _limit_errors(pointer: str, low: Decimal | int | None, high: Decimal | int | None) -> Iterator[FieldError]:
    if low is None and high is None:
        yield FieldError(pointer, "It must have `min`, `max` or both.")
    elif low is not None and high is not None and low > high:
        yield FieldError(f"{pointer}/max", f"It must be at least `min`, which is {low}.")
