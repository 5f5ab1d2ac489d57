"""One stack for the whole session, with proxies that fail on demand between its functions and what they depend on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from infra.local.stack import Options
from infra.postgres.load_demo_bank import load_demo_bank
from tests.support.browser import running_browser
from tests.support.client import Client, lift_quotas
from tests.support.identity_provider import AUDIENCE, CLIENT_ID, IdentityProvider
from tests.support.local_stack import ALARM_TOPIC, RECORDER, ROWS, STACK, Faults, running_stack
from tests.support.trace_receiver import TraceReceiver
from tests.support.webhook_receiver import WebhookReceiver

# What looks back at the whole run.
_LAST = ("test_policies.py", "test_logs.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts what looks back last."""
    items.sort(key=lambda item: _LAST.index(item.path.name) + 1 if item.path.name in _LAST else 0)


@pytest.fixture(scope="session")
def field_errors() -> Iterator[Faults]:
    """The proxies of the stack; they exist once it is up."""
    field_errors = Faults()
    yield field_errors
    field_errors.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a file; each test has a page that knows nothing."""
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def traces() -> Iterator[TraceReceiver]:
    """What the functions trace."""
    with TraceReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def identity_provider() -> Iterator[IdentityProvider]:
    """Where users of the console sign in."""
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture(scope="session")
def client(field_errors: Faults, traces: TraceReceiver, identity_provider: IdentityProvider) -> Iterator[Client]:
    """The stack, up and filled, as its callers and operators see it."""
    tracing = {"AWS_XRAY_DAEMON_ADDRESS": traces.address}
    options = Options(
        front_door_port=None,
        function_environment=lambda url: {**field_errors.before_aws(url), **RECORDER, **tracing},
        database_port=field_errors.before_database,
        parameters={
            "AlarmTopicArn": ALARM_TOPIC,
            "OidcIssuer": identity_provider.url,
            "OidcAudience": AUDIENCE,
            "ConsoleClientId": CLIENT_ID,
            "ConsoleIdleMinutes": "10",
        },
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
