"""Starts the local stack for tests and load runs, with fault proxies and a recorder of AWS calls."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from infra.local.stack import Options, Stack
from infra.paths import ROOT, STATE
from tests.support.fault_proxy import FaultProxy

# Two test runs in one checkout use different stacks if RESMA_E2E_NAME differs.
STACK = "-".join(filter(None, ("test-e2e", os.environ.get("RESMA_E2E_NAME"))))


CALLS = STATE / STACK / "aws-calls.txt"
"""File in which the functions record the AWS operations that they call (recorder/sitecustomize.py)."""


RECORDER = {"PYTHONPATH": str(ROOT / "tests" / "support" / "recorder"), "RESMA_CALLS_FILE": str(CALLS)}
"""Environment variables of the functions that enable the recorder."""


ALARM_TOPIC = "arn:aws:sns:us-east-1:000000000000:test-alarms"
"""Topic to which alarms are sent."""


ROWS = 80_000
"""Number of transactions; enough for a CSV file of two parts."""
ACCOUNTS = 120
"""Number of accounts, each of which has a file in a split report: more than the first page of a list of files."""


class Faults:
    """The fault proxies, named after their targets. Functions connect through them, tests do not."""

    s3: FaultProxy
    sqs: FaultProxy
    sns: FaultProxy
    bus: FaultProxy
    secrets: FaultProxy
    dynamodb: FaultProxy
    database: FaultProxy
    source: FaultProxy
    bucket: FaultProxy
    sftp: FaultProxy

    def before_aws(self, url: str) -> Mapping[str, str]:
        """Starts a proxy for each AWS service with fault injection; returns the functions' environment variables."""
        port = urlsplit(url).port
        assert port is not None
        if hasattr(self, "bucket"):
            self.bucket.redirect(port)
        self.s3, self.sqs, self.sns, self.bus, self.secrets, self.dynamodb = (FaultProxy(port) for _ in range(6))
        return {
            "AWS_ENDPOINT_URL_S3": self.s3.url,
            "AWS_ENDPOINT_URL_SQS": self.sqs.url,
            "AWS_ENDPOINT_URL_SNS": self.sns.url,
            "AWS_ENDPOINT_URL_EVENTBRIDGE": self.bus.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.secrets.url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb.url,
        }

    def before_database(self, port: int) -> int:
        """Starts a proxy for Postgres; returns the port to which functions connect."""
        self.database = FaultProxy(port)
        return self.database.port

    def before_source(self, port: int) -> int:
        """Starts a second proxy for Postgres, for connections to the source database only; returns its port."""
        self.source = FaultProxy(port)
        return self.source.port

    def before_recipients(self, sftp_port: int | None) -> Mapping[str, str]:
        """Starts a proxy for buckets of recipients and one for their SFTP server; returns parameters of the template.

        Call it before the stack starts. The first one then forwards to the stack's object store.
        """
        self.bucket = FaultProxy(0)
        if sftp_port is not None:
            self.sftp = FaultProxy(sftp_port)
        return {"DestinationS3Endpoints": self.bucket.url}

    def close(self) -> None:
        """Closes the proxies that were started."""
        for proxy in vars(self).values():
            proxy.close()


@contextlib.contextmanager
def running_stack(name: str, options: Options) -> Iterator[Stack]:
    """Yields a new, empty stack. Asserts at the end that none of its processes is left running."""
    stack = Stack(name, options)
    stack.stop()
    shutil.rmtree(stack.folder, ignore_errors=True)
    with stack:
        yield stack
    assert processes_in(stack.folder) == []


def processes_in(folder: Path) -> list[str]:
    """Returns the command lines of the processes whose working directory is below a folder: servers and functions."""
    command_lines = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.cwd().startswith(f"{folder}/"):
                command_lines.append(" ".join(process.cmdline()))
    return command_lines
