"""What all tests share: none reaches AWS or depends on the variables of the shell that runs it."""

from __future__ import annotations

import gc
import os
import signal

from tests.support.random_search import use_hypothesis_profile

use_hypothesis_profile()
# Started in the background by a shell, a process ignores SIGINT, and so do its children. Tests interrupt commands.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.update(
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    POWERTOOLS_SERVICE_NAME="tests",
    POWERTOOLS_LOG_LEVEL="CRITICAL",
)
OF_AWS = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN")
OF_THE_COMMAND_LINE = ("RESMA_URL", "RESMA_KEY", "RESMA_PROFILE", "RESMA_CONFIG", "RESMA_TIME_ZONE", "RESMA_STACK")
# `make check` gives its options to a `make` that a test runs, which then prints a warning.
OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
for name in (*OF_AWS, *OF_THE_COMMAND_LINE, *OF_MAKE):
    os.environ.pop(name, None)

if folder := os.environ.get("RESMA_KEEP_FILES"):
    from pathlib import Path

    from tests.support.accept_files import keep_files

    keep_files(Path(folder))


def pytest_sessionfinish() -> None:
    """The worker freezes what was imported; DuckDB complains of what nobody collects."""
    gc.unfreeze()
