"""Round trips of cells of all kinds and NULL through each writer and independent readers.

`RESMA_ROUNDTRIP_EXAMPLES=5000` tries that many reports per format; the default is a small number.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from resma.errors import FormatLimitError
from resma.report.rows import Batch
from tests.support.check_formats import CASES, Case, write_case
from tests.support.generate_reports import GeneratedReport, make_report, reports

_MAX_EXAMPLES = os.environ.get("RESMA_ROUNDTRIP_EXAMPLES")
EXAMPLES = settings(
    max_examples=int(_MAX_EXAMPLES or 60),
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@EXAMPLES
@given(report=reports())
# Examples that failed in the past.
@example(make_report(["timestamp"], [("infinity",), ("0044-03-15 10:00:00+05:53:28 BC",)], zone="Asia/Kolkata"))
@example(make_report(["text"], [(None,), ("",), (None,)]))
@example(make_report(["timestamp"], [("2000-01-01 00:00:00.000001+00",)]))
@example(make_report(["integer"], [("1000000000000001",), ("9007199254740993",)]))
@example(make_report(["amount"], [("1250000000000000.0",), ("0.00000000000000001",), ("123456789012345678",)]))
def test_values_survive_a_round_trip(case: Case, report: GeneratedReport) -> None:
    if case.rejects(report):
        with pytest.raises(FormatLimitError):
            write_case(case, report, report.batches)
        return
    data = write_case(case, report, report.batches)
    assert data == write_case(case, report, [Batch(report.rows)]), "the bytes depend on the batches"
    assert data == write_case(case, report, report.batches, resume=True), "the bytes depend on resuming"
    case.check(report, case.unpack(data))
