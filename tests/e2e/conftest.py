"""Fixtures for end-to-end tests: one stack for the session, with fault proxies between functions and dependencies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from infra.demo.load_demo_bank import load_demo_bank
from infra.local.stack import Options
from tests.oidc import running_provider
from tests.support.browser import running_browser
from tests.support.client import Client, lift_quotas
from tests.support.local_stack import ACCOUNTS, ALARM_TOPIC, RECORDER, ROWS, STACK, Faults, running_stack
from tests.support.trace_receiver import TraceReceiver
from tests.support.webhook_receiver import WebhookReceiver

_LAST = ("test_policies.py", "test_logs.py")
"""Tests that check everything that happened on the stack."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Moves the tests of the files in `_LAST` to the end."""
    items.sort(key=lambda item: _LAST.index(item.path.name) + 1 if item.path.name in _LAST else 0)


@pytest.fixture(scope="session")
def faults() -> Iterator[Faults]:
    """The fault proxies of the stack, which exist once the fixture `client` has started it."""
    faults = Faults()
    yield faults
    faults.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a file; each test opens its own pages without cookies or storage."""
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def traces() -> Iterator[TraceReceiver]:
    """Receives the trace segments of the functions."""
    with TraceReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def identity_provider() -> running_provider.ProviderAddress:
    """Where the identity provider runs at which users of the console sign in. Only tests of the sign-in start it."""
    return running_provider.choose_address()


@pytest.fixture(scope="session")
def client(
    faults: Faults, traces: TraceReceiver, identity_provider: running_provider.ProviderAddress
) -> Iterator[Client]:
    """A client of the stack, which is running and filled with the demo bank."""
    tracing = {"AWS_XRAY_DAEMON_ADDRESS": traces.address}
    options = Options(
        front_door_port=None,
        function_environment=lambda url: {**faults.before_aws(url), **RECORDER, **tracing},
        database_port=faults.before_database,
        parameters={
            "AlarmTopicArn": ALARM_TOPIC,
            "OidcIssuer": identity_provider.issuer,
            "OidcAudience": running_provider.AUDIENCE,
            "OidcGroupsClaim": running_provider.GROUPS_CLAIM,
            "OidcGroupScopes": running_provider.GROUP_SCOPES,
            "ConsoleClientId": running_provider.CLIENT_ID,
            "ConsoleIdleMinutes": "10",
        },
    )
    with running_stack(STACK, options) as stack:
        load_demo_bank(stack.up.database_url, ROWS, ACCOUNTS)
        lift_quotas(stack.up.database_url)
        client = Client(stack)
        yield client
        client.close()


@pytest.fixture(scope="session")
def webhooks(client: Client) -> Iterator[WebhookReceiver]:
    """A webhook receiver with the secret that signs the demo tenant's callbacks."""
    with WebhookReceiver(client.stack.up.callback_secret) as receiver:
        yield receiver
