"""What all tests share: no test reaches AWS, whatever the machine is set up for."""

from __future__ import annotations

import gc
import os

os.environ.update(
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    POWERTOOLS_SERVICE_NAME="tests",
    POWERTOOLS_LOG_LEVEL="CRITICAL",
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)

if folder := os.environ.get("RESMA_KEEP_FILES"):
    from pathlib import Path

    from tests.accept_files import keep_files

    keep_files(Path(folder))


def pytest_sessionfinish() -> None:
    """The worker freezes what was imported; DuckDB complains of what nobody collects."""
    gc.unfreeze()
