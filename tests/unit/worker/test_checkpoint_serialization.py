"""Checkpoint states are read back unchanged, and any other bytes are refused."""

from __future__ import annotations

import itertools
import pickle
from array import array
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest

from resma.catalog import find_report_type
from resma.errors import CheckpointUnusableError
from resma.jobs.report_rows import FailedFile
from resma.report.format_options import CsvOptions, FormatOptions, NdjsonOptions
from resma.report.header import Balance, Chart, Column, Period, ReportHeader, Series, Total
from resma.report.rows import Batch
from resma.report.summary import Summary
from resma.storage.multipart import Segment, UploadState
from resma.storage.object_store import Part
from resma.storage.resumable_sha256 import Sha256
from resma.writers import EXTENSIONS, Writer, make_writer
from resma.writers.pdf.syntax.objects import FileState
from resma.writers.saved_state import Numbers, dump_state, load_state
from tests.support.sample_reports import header
from worker.checkpoints.serialization import (
    VERSION,
    CheckpointState,
    SavedFile,
    dump_checkpoint,
    load_checkpoint,
    stamp_of,
)

TOTAL = Total("BRL", 3, (Decimal("1.50"),))
NAN = Total("USD", 1, (Decimal("NaN"),))
SUMMARY = Summary(
    as_of=datetime(2026, 1, 1, tzinfo=UTC),
    rows=3,
    totals=(TOTAL,),
    charts=(Chart("x", "bars", "rows", ("a",), (Series("a", (Decimal(1),)),)),),
    periods=(Period("2024-01", 3, (TOTAL,)),),
    balance=Balance("1", "2"),
    scales={"amount": 2},
)
UPLOAD = UploadState(
    key="t/r/1.csv",
    upload_id="u",
    owner="r/1",
    segments=(Segment("t/r/1.csv", 5, '"e"'),),
    parts=(Part(1, '"e"', "AAAA", 5),),
    tail=b"tail",
    size=14,
    sha256=Sha256().state,
)


def _state(**changes: Any) -> CheckpointState:
    fields = {
        "stamp": "s",
        "summary": SUMMARY,
        "organization": "Nordbank",
        "rows": 3,
        "last_key": (b"2024", None),
        "snapshots": 1,
        "files": (),
        **changes,
    }
    return CheckpointState(**fields)


def _writers() -> list[tuple[Writer, Writer]]:
    """Returns a writer with rows, some in other scripts, and a new one, for every format and compression."""
    head: ReportHeader = header(["integer", "text"], 400)
    assert all(isinstance(column, Column) for column in head.columns)
    batch = Batch([(b"%d" % i, "Ωμέγα 中".encode()) for i in range(400)])
    pairs = []
    for compression, profile in itertools.product(("none", "gzip", "zstd"), ("rfc4180", "excel")):
        options = FormatOptions(
            csv=CsvOptions.model_validate({"compression": compression, "profile": profile}),
            ndjson=NdjsonOptions.model_validate({"compression": compression}),
        )
        for format_ in EXTENSIONS:
            writer, new = (make_writer(format_, head, options) for _ in range(2))
            writer.begin()
            writer.add(batch)
            pairs.append((writer, new))
    return pairs


def test_the_state_of_every_writer_is_read_back_unchanged() -> None:
    for writer, new in _writers():
        read = load_state(dump_state(writer.state), new.state)
        assert read == writer.state
        assert repr(read) == repr(writer.state)  # the types too


def test_a_checkpoint_state_is_read_back_unchanged() -> None:
    files = tuple(SavedFile("CSV", dump_state(writer.state), UPLOAD) for writer, _ in _writers())
    failed = (FailedFile(format="XLSX", code="c", detail="d", row=1),)
    state = _state(files=files, failed=failed, summary=replace(SUMMARY, totals=(NAN, TOTAL)))
    assert repr(load_checkpoint(dump_checkpoint(state))) == repr(state)


def test_a_checkpoint_of_another_version_is_refused() -> None:
    data = msgspec.msgpack.encode((VERSION + 1, {"of": "another form"}))
    with pytest.raises(CheckpointUnusableError, match=f"has version {VERSION + 1}"):
        load_checkpoint(data)


@pytest.mark.parametrize(
    "changes",
    [{"rows": "3"}, {"last_key": [1]}, {"summary": None}, {"files": [{"format": "CSV"}]}, {"stamp": b"s"}],
    ids=str,
)
def test_a_checkpoint_with_values_of_other_types_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CheckpointUnusableError, match="cannot be read"):
        load_checkpoint(msgspec.msgpack.encode((VERSION, {**msgspec.to_builtins(_state()), **changes})))


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", pickle.dumps({"rows": 3}), msgspec.msgpack.encode([1]), dump_checkpoint(_state())[:-20]]
)
def test_bytes_that_are_not_a_checkpoint_are_refused(data: bytes) -> None:
    with pytest.raises(CheckpointUnusableError, match="cannot be read"):
        load_checkpoint(data)


@pytest.mark.parametrize("data", [b"", b"nonsense", dump_state([1, 2]), dump_state({"rows": "many"})])
def test_bytes_that_are_not_a_writer_state_are_refused(data: bytes) -> None:
    for _, new in _writers():
        with pytest.raises(CheckpointUnusableError, match="cannot be read"):
            load_state(data, new.state)


def test_an_array_of_another_type_is_refused() -> None:
    """Python's arrays would also accept text, and numbers of a size that depends on the machine."""
    state = FileState(offsets=cast("Numbers", array("d", [1.5])))
    with pytest.raises(CheckpointUnusableError, match="cannot be read"):
        load_state(dump_state(state), FileState())


def test_different_report_types_have_different_stamps() -> None:
    one = find_report_type("TRANSACTIONS")
    assert stamp_of(one) == stamp_of(one.model_copy())
    assert stamp_of(one) != stamp_of(one.model_copy(update={"query": one.query + " "}))
    assert stamp_of(one) != stamp_of(one.model_copy(update={"control_query": "SELECT 1"}))
