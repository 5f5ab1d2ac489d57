"""JSON models of the conditions of a report: `onlyIf` of a request."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from resma.json_models import WHOLE_NUMBER, RequestModel
from resma.string_patterns import NO_NUL

MAX_TOTAL_CONDITIONS = 20
"""Maximum number of conditions on totals in a request."""

_MAX_ROWS = 10**15

_Rows = Annotated[int, Field(ge=0, le=_MAX_ROWS), WHOLE_NUMBER]
_Amount = Annotated[str, Field(max_length=60, pattern=r"^-?[0-9]{1,38}(\.[0-9]{1,20})?$")]


class RowsCondition(RequestModel):
    """Limits of the number of rows, both inclusive. At least one of them is required."""

    min: _Rows | None = Field(default=None, description="Minimum number of rows.")
    max: _Rows | None = Field(default=None, description="Maximum number of rows.")


class TotalCondition(RequestModel):
    """Limits of a total, both inclusive. At least one of them is required."""

    amount: str = Field(
        min_length=1,
        max_length=100,
        pattern=NO_NUL,
        description="Name of the column that is added up, as in `totals`.",
    )
    currency: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        pattern=NO_NUL,
        description="Currency of the total. Null or omitted: the total of at least one currency must be within the "
        "limits.",
    )
    min: _Amount | None = Field(default=None, description="Minimum of the total, as a decimal string like `100.00`.")
    max: _Amount | None = Field(default=None, description="Maximum of the total, as a decimal string like `100.00`.")


class OnlyIf(RequestModel):
    """Conditions of a report. The report is SKIPPED unless its data meet all of them. At least one is required."""

    rows: RowsCondition | None = Field(default=None, description="Limits of the number of rows.")
    totals: list[TotalCondition] | None = Field(
        default=None, min_length=1, max_length=MAX_TOTAL_CONDITIONS, description="Limits of totals."
    )
    changed: bool = Field(
        default=False,
        strict=True,
        description="True: the number of rows, a total or a chart must have changed since the last report that was "
        "READY or SKIPPED, of the same schedule, or else of the same request.",
    )
