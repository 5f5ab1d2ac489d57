"""The local stack as tests and load runs start it: with proxies that fail on demand, and a recorder of AWS calls."""

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

# Of its own where two runs share a checkout.
STACK = "-".join(filter(None, ("test-e2e", os.environ.get("RESMA_E2E_NAME"))))


CALLS = STATE / STACK / "aws-calls.txt"
"""Where functions note the AWS operations that they ask for (recorder/sitecustomize.py)."""


RECORDER = {"PYTHONPATH": str(ROOT / "tests" / "support" / "recorder"), "RESMA_CALLS_FILE": str(CALLS)}
"""What functions' environment needs for that."""


ALARM_TOPIC = "arn:aws:sns:us-east-1:000000000000:test-alarms"
"""Where alarms go."""


ROWS = 80_000
"""Enough for a CSV of two parts."""


class Faults:
    """The proxies, by what is behind them. Only functions go through them; tests go past."""

    s3: FaultProxy
    sqs: FaultProxy
    sns: FaultProxy
    bus: FaultProxy
    secrets: FaultProxy
    dynamodb: FaultProxy
    database: FaultProxy
    source: FaultProxy

    def before_aws(self, url: str) -> Mapping[str, str]:
        """Puts a proxy before each of LocalStack's services that may fail; returns functions' environment."""
        port = urlsplit(url).port
        assert port is not None
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
        """Puts a proxy before Postgres; returns the port that functions are told."""
        self.database = FaultProxy(port)
        return self.database.port

    def before_source(self, port: int) -> int:
        """Puts another proxy before Postgres, for connections to the source database alone; returns its port."""
        self.source = FaultProxy(port)
        return self.source.port

    def close(self) -> None:
        """Ends the proxies that were started."""
        for proxy in vars(self).values():
            proxy.close()


@contextlib.contextmanager
def running_stack(name: str, options: Options) -> Iterator[Stack]:
    """A stack that begins with nothing, and of which nothing is left running at the end."""
    stack = Stack(name, options)
    stack.stop()
    shutil.rmtree(stack.folder, ignore_errors=True)
    with stack:
        yield stack
    assert processes_in(stack.folder) == []


def processes_in(folder: Path) -> list[str]:
    """Returns the command line of every process that works in a folder or below: servers and functions do."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.cwd().startswith(f"{folder}/"):
                found.append(" ".join(process.cmdline()))
    return found
