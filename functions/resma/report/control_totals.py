"""Control totals: figures of a report beside those of the control query of its type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from resma.report.records import ControlTotalRecord
from resma.short_text import shorten, show_amount

MAX_SHOWN_CONTROL_TOTALS = 20
"""Maximum number of control totals in a report's row, which status, events and webhooks show. The limit keeps events
smaller than SNS and EventBridge accept (`events/destinations.py`)."""

_NAME_CHARACTERS = 100
_SHORT_NAME_CHARACTERS = 40
_SHOWN_DIGITS = 40


@dataclass(frozen=True, slots=True)
class ControlTotal:
    """The figures of one currency, or of all rows if the report type has no currency column."""

    currency: str | None
    """The currency of the total (`header.Total`)."""
    amounts: Mapping[str, tuple[Decimal, Decimal]]
    """The sums of the report and of the control query, by the name of the column that is added up."""
    rows: tuple[int, int] | None = None
    """The numbers of rows of the report and of the control query; None if the query does not count rows."""

    def differences(self) -> Iterator[str]:
        """Yields each figure that differs, with both values. NaN is equal to NaN, as in Postgres."""
        name = "" if self.currency is None else f"{shorten(self.currency, _SHORT_NAME_CHARACTERS)} "
        if self.rows is not None and self.rows[0] != self.rows[1]:
            yield f"{name}rows: report {self.rows[0]:,}, control {self.rows[1]:,}"
        for column, (amount, control) in self.amounts.items():
            if amount != control and not (amount.is_nan() and control.is_nan()):
                shown = [show_amount(value, _SHOWN_DIGITS) for value in (amount, control)]
                yield f"{name}{column}: report {shown[0]}, control {shown[1]}"

    @property
    def agrees(self) -> bool:
        """Whether all figures are equal."""
        return next(self.differences(), None) is None


def control_records(totals: Sequence[ControlTotal]) -> list[ControlTotalRecord]:
    """Returns the first control totals as JSON of bounded size. Amounts are strings, which keep all digits."""
    return [_record(total) for total in totals[:MAX_SHOWN_CONTROL_TOTALS]]


def _record(total: ControlTotal) -> ControlTotalRecord:
    return {
        "currency": None if total.currency is None else shorten(total.currency, _NAME_CHARACTERS),
        "rows": None if total.rows is None else {"report": total.rows[0], "control": total.rows[1]},
        "amounts": {
            name: {"report": show_amount(amount, _SHOWN_DIGITS), "control": show_amount(control, _SHOWN_DIGITS)}
            for name, (amount, control) in total.amounts.items()
        },
    }
