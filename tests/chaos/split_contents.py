"""The split reports of a chaos run: what they request, and what their files contain."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.chaos.content import content_sha256
from tests.support.client import Client
from tests.support.downloaded_split import HEADINGS, download_split, statement_problems
from tests.support.verify_split import verify

PROBLEMS = "problems"
"""Name of the problems of a split report among the hashes of its files. A report without problems does not have it."""

MAX_HASHED_PDF_FILES = 20
"""Maximum number of PDF files of a report whose text is compared with the baseline."""


def split_contents(chance: random.Random) -> list[dict[str, Any]]:
    """Returns distinct requests of split reports: all are of account statements, with and without a ZIP archive.

    The first three have several shards. The last one is SKIPPED, because of its condition.
    """
    all_rows = {"from": "2024-01-01"}
    two_years = {**all_rows, "to": f"2025-{chance.randrange(9, 13):02}-28"}
    month = f"2025-{chance.randrange(1, 10):02}"
    base = {"type": "ACCOUNT_STATEMENT", "splitBy": ["account"], "timeZone": "UTC"}
    return [
        {**base, "format": "CSV", "filters": all_rows},
        {**base, "format": "PDF", "filters": two_years, "locale": chance.choice(["en-US", "pt-BR", "de-DE"])},
        {**base, "formats": ["CSV", "NDJSON"], "filters": two_years, "zip": True, "onlyIf": {"rows": {"min": 1}}},
        {**base, "format": "CSV", "filters": {"from": f"{month}-01", "to": f"{month}-28"}, "zip": True},
        {**base, "format": "CSV", "filters": {"from": f"{month}-01"}, "onlyIf": {"rows": {"max": 10}}},
    ]


def hash_split_report(client: Client, report_id: str, row: Mapping[str, Any]) -> dict[str, str]:
    """Verifies a READY split report; returns the SHA-256 of its files' contents by number and format.

    The manifest, its list and all files are verified, and the sums of each file are compared with the demo bank.
    """
    with TemporaryDirectory(prefix="chaos-split-") as name:
        folder = Path(name)
        lines = download_split(client, report_id, folder)
        problems = verify(folder, HEADINGS)
        problems += statement_problems(client, row["filters"], lines)
        hashes = {PROBLEMS: "; ".join(problems[:3])} if problems else {}
        step = max(1, len(lines) // MAX_HASHED_PDF_FILES)
        for at, line in enumerate(lines):
            content = (folder / line["name"]).read_bytes()
            if line["format"] != "PDF":
                hashes[f"{line['number']}.{line['format']}"] = hashlib.sha256(content).hexdigest()
            elif at % step == 0:
                hashes[f"{line['number']}.PDF"] = content_sha256(content, "PDF", report_id, row["as_of"])
    return hashes
