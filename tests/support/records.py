"""Values of JSON columns in rows of reports, for tests that insert rows."""

from __future__ import annotations

from resma.report.records import MetricsRecord

METRICS: MetricsRecord = {"seconds": {}, "rowsPerSecond": 1, "peakRssMb": 1.0, "parts": 1, "snapshots": 1}
