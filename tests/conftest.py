"""Settings for all tests: none reaches AWS or depends on environment variables of the shell."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

from tests.support.random_search import use_hypothesis_profile

use_hypothesis_profile()
# A process that a shell starts in the background ignores SIGINT, as do its children, but tests interrupt commands.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.update(
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    POWERTOOLS_SERVICE_NAME="tests",
    POWERTOOLS_LOG_LEVEL="CRITICAL",
    # Not the catalog of a user, which may be in the folder `reports`.
    RESMA_CATALOG=str(Path(__file__).parents[1] / "infra" / "demo" / "catalog"),
)
AWS_VARIABLES = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN")
CLI_VARIABLES = ("RESMA_URL", "RESMA_KEY", "RESMA_PROFILE", "RESMA_CONFIG", "RESMA_TIME_ZONE", "RESMA_STACK")
# A `make` that a test runs would inherit the options of `make check` and print a warning.
MAKE_VARIABLES = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
for name in (*AWS_VARIABLES, *CLI_VARIABLES, *MAKE_VARIABLES):
    os.environ.pop(name, None)

if folder := os.environ.get("RESMA_KEEP_FILES"):
    from tests.support.accept_files import save_files

    save_files(Path(folder))


def pytest_collection_finish() -> None:
    """Keeps the modules of all tests out of the collection of garbage, which the worker does after each job."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Undoes the `gc.freeze()` of the worker: DuckDB prints warnings about objects that are never collected."""
    gc.unfreeze()
