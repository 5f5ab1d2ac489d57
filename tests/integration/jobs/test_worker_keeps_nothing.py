"""A worker's process makes one report after another: of each, nothing stays."""

from __future__ import annotations

import gc
from collections import Counter

from tests.support.system import System

FORMATS = ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]


def parts_of_reports() -> Counter[str]:
    kinds = [type(item) for item in gc.get_objects()]
    ours = ("resma.writers", "resma.storage.multipart", "resma.snapshot.cursor", "worker.")
    return Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if str(kind.__module__).startswith(ours))


def test_of_a_report_nothing_stays_in_the_worker(system: System) -> None:
    system.request_report(formats=FORMATS)
    assert system.work_once()  # what is kept for all reports is there after the first
    before = parts_of_reports()
    system.request_report(formats=FORMATS)
    assert system.work_once()
    assert parts_of_reports() - before == Counter()


def test_nor_of_one_that_fails(system: System) -> None:
    system.request_report(formats=FORMATS)
    assert system.work_once()
    before = parts_of_reports()
    system.request_report(formats=FORMATS)
    (record,) = system.receive()
    for key in system.objects():
        system.s3.delete_object(Bucket=system.bucket, Key=key)
    system.s3.delete_bucket(Bucket=system.bucket)
    assert not system.work(record)
    assert parts_of_reports() - before == Counter()
