"""A worker process keeps no objects of a report in memory after its end."""

from __future__ import annotations

import gc
from collections import Counter

from tests.support.system import System

FORMATS = ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]


def parts_of_reports() -> Counter[str]:
    kinds = [type(item) for item in gc.get_objects()]
    ours = ("resma.writers", "resma.storage.multipart", "resma.snapshot.cursor", "worker.")
    return Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if str(kind.__module__).startswith(ours))


def test_the_worker_keeps_nothing_of_a_report(system: System) -> None:
    system.request_report(formats=FORMATS)
    assert system.work_once()  # creates the objects that are kept for all reports
    before = parts_of_reports()
    system.request_report(formats=FORMATS)
    assert system.work_once()
    assert parts_of_reports() - before == Counter()


def test_the_worker_keeps_nothing_of_a_report_that_fails(system: System) -> None:
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
