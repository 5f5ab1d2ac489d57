"""What was saved is read back whole, and nothing else is: not a byte of it is trusted."""

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

TOTAL = Total("BRL", 3, Decimal("1.50"))
NAN = Total("USD", 1, Decimal("NaN"))
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


def _work(**changes: Any) -> CheckpointState:
    given = {
        "stamp": "s",
        "summary": SUMMARY,
        "organization": "Nordbank",
        "rows": 3,
        "last_key": (b"2024", None),
        "snapshots": 1,
        "files": (),
        **changes,
    }
    return CheckpointState(**given)


def _writers() -> list[tuple[Writer, Writer]]:
    """Of every format and compression: a writer that has rows, some in other scripts, and a new one."""
    head: ReportHeader = header(["integer", "text"], 400)
    assert all(isinstance(column, Column) for column in head.columns)
    batch = Batch([(b"%d" % i, "Ωμέγα 中".encode()) for i in range(400)])
    made = []
    for compression, profile in itertools.product(("none", "gzip", "zstd"), ("rfc4180", "excel")):
        options = FormatOptions(
            csv=CsvOptions.model_validate({"compression": compression, "profile": profile}),
            ndjson=NdjsonOptions.model_validate({"compression": compression}),
        )
        for format_ in EXTENSIONS:
            writer, new = (make_writer(format_, head, options) for _ in range(2))
            writer.begin()
            writer.add(batch)
            made.append((writer, new))
    return made


def test_the_state_of_every_writer_is_read_back_as_it_was() -> None:
    for writer, new in _writers():
        read = load_state(dump_state(writer.state), new.state)
        assert read == writer.state
        assert repr(read) == repr(writer.state)  # the types too


def test_the_work_is_read_back_as_it_was() -> None:
    files = tuple(SavedFile("CSV", dump_state(writer.state), UPLOAD) for writer, _ in _writers())
    failed = (FailedFile(format="XLSX", code="c", detail="d", row=1),)
    work = _work(files=files, failed=failed, summary=replace(SUMMARY, totals=(NAN, TOTAL)))
    assert repr(load_checkpoint(dump_checkpoint(work))) == repr(work)


def test_work_of_another_version_is_refused() -> None:
    data = msgspec.msgpack.encode((VERSION + 1, {"of": "another form"}))
    with pytest.raises(CheckpointUnusableError, match=f"has version {VERSION + 1}"):
        load_checkpoint(data)


@pytest.mark.parametrize(
    "changes",
    [{"rows": "3"}, {"last_key": [1]}, {"summary": None}, {"files": [{"format": "CSV"}]}, {"stamp": b"s"}],
    ids=str,
)
def test_work_of_other_types_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CheckpointUnusableError, match="cannot be read"):
        load_checkpoint(msgspec.msgpack.encode((VERSION, {**msgspec.to_builtins(_work()), **changes})))


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", pickle.dumps({"rows": 3}), msgspec.msgpack.encode([1]), dump_checkpoint(_work())[:-20]]
)
def test_what_is_no_work_is_refused(data: bytes) -> None:
    with pytest.raises(CheckpointUnusableError, match="cannot be read"):
        load_checkpoint(data)


@pytest.mark.parametrize("data", [b"", b"nonsense", dump_state([1, 2]), dump_state({"rows": "many"})])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    for _, new in _writers():
        with pytest.raises(CheckpointUnusableError, match="cannot be read"):
            load_state(data, new.state)


def test_an_array_of_another_type_is_refused() -> None:
    """Python's arrays would also take text and numbers of a size that depends on the machine."""
    state = FileState(offsets=cast("Numbers", array("d", [1.5])))
    with pytest.raises(CheckpointUnusableError, match="cannot be read"):
        load_state(dump_state(state), FileState())


def test_the_stamp_knows_report_types_apart() -> None:
    one = find_report_type("TRANSACTIONS")
    assert stamp_of(one) == stamp_of(one.model_copy())
    assert stamp_of(one) != stamp_of(one.model_copy(update={"query": one.query + " "}))
