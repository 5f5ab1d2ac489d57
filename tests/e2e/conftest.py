"""One stack for the whole session, with proxies that fail on demand between its functions and what they depend on."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from infra.local.paths import STATE
from infra.local.stack import Options, Stack
from infra.postgres.load_demo_bank import load_demo_bank
from tests.e2e.client import Client, lift_quotas
from tests.e2e.fault_proxy import FaultProxy
from tests.e2e.trace_receiver import TraceReceiver
from tests.e2e.webhook_receiver import WebhookReceiver

# Of its own where two runs share a checkout.
STACK = "-".join(filter(None, ("test-e2e", os.environ.get("RESMA_E2E_NAME"))))

CALLS = STATE / STACK / "aws-calls.txt"
"""Where functions note the AWS operations that they ask for (recorder/sitecustomize.py)."""

RECORDER = {"PYTHONPATH": str(Path(__file__).parent / "recorder"), "RESMA_CALLS_FILE": str(CALLS)}
"""What functions' environment needs for that."""

ALARM_TOPIC = "arn:aws:sns:us-east-1:000000000000:test-alarms"
"""Where alarms go."""

IS_WHOLE = pytest.StashKey[bool]()
"""Whether this run has all end-to-end tests."""

# What looks back at the whole run.
_LAST = ("test_policies.py", "test_logs.py")

ROWS = 80_000
"""Enough for a CSV of two parts."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts what looks back last, and notes whether it will see everything."""
    items.sort(key=lambda item: _LAST.index(item.path.name) + 1 if item.path.name in _LAST else 0)
    folder = Path(__file__).parent
    chosen = {item.path for item in items}
    is_chosen_by_name = bool(config.option.keyword or config.option.markexpr)
    config.stash[IS_WHOLE] = not is_chosen_by_name and chosen.issuperset(folder.glob("test_*.py"))


class Faults:
    """The proxies, by what is behind them. Only functions go through them; tests go past."""

    s3: FaultProxy
    sqs: FaultProxy
    sns: FaultProxy
    bus: FaultProxy
    database: FaultProxy

    def before_aws(self, url: str) -> Mapping[str, str]:
        """Puts a proxy before each of LocalStack's services that may fail; returns functions' environment."""
        port = urlsplit(url).port
        assert port is not None
        self.s3, self.sqs, self.sns, self.bus = (FaultProxy(port) for _ in range(4))
        return {
            "AWS_ENDPOINT_URL_S3": self.s3.url,
            "AWS_ENDPOINT_URL_SQS": self.sqs.url,
            "AWS_ENDPOINT_URL_SNS": self.sns.url,
            "AWS_ENDPOINT_URL_EVENTBRIDGE": self.bus.url,
        }

    def before_database(self, port: int) -> int:
        """Puts a proxy before Postgres; returns the port that functions are told."""
        self.database = FaultProxy(port)
        return self.database.port

    def close(self) -> None:
        """Ends the proxies that were started."""
        for proxy in vars(self).values():
            proxy.close()


@pytest.fixture(scope="session")
def faults() -> Iterator[Faults]:
    """The proxies of the stack; they exist once it is up."""
    faults = Faults()
    yield faults
    faults.close()


@pytest.fixture(scope="session")
def traces() -> Iterator[TraceReceiver]:
    """What the functions trace."""
    with TraceReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def client(faults: Faults, traces: TraceReceiver) -> Iterator[Client]:
    """The stack, up and filled, as its callers and operators see it."""
    tracing = {"AWS_XRAY_DAEMON_ADDRESS": traces.address}
    options = Options(
        front_door_port=None,
        function_environment=lambda url: {**faults.before_aws(url), **RECORDER, **tracing},
        database_port=faults.before_database,
        parameters={"AlarmTopicArn": ALARM_TOPIC},
    )
    with running_stack(STACK, options) as stack:
        load_demo_bank(stack.up.database_url, ROWS)
        lift_quotas(stack.up.database_url)
        client = Client(stack)
        yield client
        client.close()


@pytest.fixture(scope="session")
def webhooks(client: Client) -> Iterator[WebhookReceiver]:
    """A receiver of webhooks, which knows what the demo tenant's callbacks are signed with."""
    with WebhookReceiver(client.stack.up.callback_secret) as receiver:
        yield receiver


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
