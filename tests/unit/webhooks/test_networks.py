"""Receivers in private networks: only listed networks are allowed, and never loopback or metadata of a cloud."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from api.settings import ApiSettings
from intake.settings import IntakeSettings
from resma.errors import SettingsInvalidError
from resma.network.connect import Deadline, Network
from resma.network.hosts import may_go_to
from resma.network.receivers import AllowedReceivers, parse_networks
from resma.request_errors import WebhookUrlNotAllowedError
from resma.settings import Settings, read_settings
from resma.webhooks.url import WebhookUrl, parse_webhook_url
from tests.support.ip_addresses import NOT_PUBLIC, PUBLIC
from tests.support.required_settings import set_required
from webhook.connect_checked import connect_checked
from webhook.settings import WebhookSettings

LISTED = AllowedReceivers(allowed_networks=parse_networks("10.20.0.0/16, fd12:3456::/48"))
EVERYTHING = AllowedReceivers(
    allowed_networks=parse_networks("10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7")
)
ADDRESS = WebhookUrl(is_https=True, host="hooks.corp.internal", port=443, target="/")


@pytest.mark.parametrize("ip", ["10.20.0.1", "10.20.255.254", "fd12:3456::1"])
def test_a_listed_network_is_allowed(ip: str) -> None:
    assert may_go_to("hooks.corp.internal", ip_address(ip), LISTED)
    url = f"https://[{ip}]/" if ":" in ip else f"https://{ip}/"
    assert parse_webhook_url(url, LISTED).host == ip
    with pytest.raises(WebhookUrlNotAllowedError):
        parse_webhook_url(url)


@pytest.mark.parametrize("ip", NOT_PUBLIC.split())
def test_only_listed_private_networks_are_allowed(ip: str) -> None:
    assert not may_go_to("hooks.corp.internal", ip_address(ip), LISTED)


@pytest.mark.parametrize("ip", PUBLIC.split())
def test_public_receivers_stay_allowed(ip: str) -> None:
    assert may_go_to("hooks.example.com", ip_address(ip), LISTED)


@pytest.mark.parametrize(
    "ip",
    [
        *("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "255.255.255.255", "224.0.0.1"),
        *("169.254.169.254", "169.254.170.2", "fe80::1", "fe80::a9fe:a9fe", "::ffff:169.254.169.254", "ff02::1"),
        *("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
        *("::ffff:10.20.0.1", "64:ff9b::10.20.0.1", "2002:a14:1::", "fd12:3456::1%eth0"),
    ],
)
def test_loopback_link_local_and_metadata_are_never_allowed(ip: str) -> None:
    assert not may_go_to("hooks.corp.internal", ip_address(ip), EVERYTHING)
    assert not may_go_to("hooks.corp.internal", ip_address(ip), LISTED)


@pytest.mark.parametrize("host", ["hooks.corp.internal", "hooks.bank.local", "hooks.home.arpa", "hooks.corp"])
def test_private_names_are_allowed_if_a_network_is_listed(host: str) -> None:
    assert parse_webhook_url(f"https://{host}/", LISTED).host == host
    with pytest.raises(WebhookUrlNotAllowedError):
        parse_webhook_url(f"https://{host}/")


@pytest.mark.parametrize(
    "url", ["https://localhost/", "https://a.localhost/", "http://10.20.0.1/", "https://10.20.0.1:22/"]
)
def test_all_other_rules_still_apply(url: str) -> None:
    with pytest.raises(WebhookUrlNotAllowedError):
        parse_webhook_url(url, EVERYTHING)


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0/0", "::/0", "127.0.0.0/8", "169.254.0.0/16", "169.254.169.254/32", "fe80::/10", "8.8.8.0/24"),
        *("10.0.0.0/7", "10.20.0.1/16", "10.20", "x", "10.20.0.0/16;10.21.0.0/16", "fc00::/6", "2001:db8::/32"),
    ],
)
@pytest.mark.parametrize("model", [ApiSettings, IntakeSettings, WebhookSettings])
def test_networks_that_cannot_be_listed_are_a_settings_error(
    model: type[Settings], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", text)
    with pytest.raises(SettingsInvalidError, match="WEBHOOK_ALLOWED_NETWORKS"):
        read_settings(model)


@pytest.mark.parametrize("model", [ApiSettings, IntakeSettings, WebhookSettings])
def test_listed_networks_are_those_of_the_setting(
    model: type[ApiSettings | IntakeSettings | WebhookSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_required(model, monkeypatch)
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "10.20.0.0/16, fd12:3456::/48")
    assert read_settings(model).receivers == LISTED
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "")
    assert read_settings(model).receivers == AllowedReceivers()


def test_nothing_is_listed_by_default() -> None:
    assert parse_networks("") == parse_networks(" , ") == AllowedReceivers().allowed_networks == ()


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Records the addresses of connections instead of opening them."""
    made: list[tuple[str, int]] = []

    class Socket:
        def __init__(self, *_: object) -> None: ...
        def settimeout(self, _: float) -> None: ...
        def close(self) -> None: ...
        def connect(self, address: tuple[str, int]) -> None:
            made.append(address)
            raise OSError

    monkeypatch.setattr(socket, "socket", Socket)
    return made


def _connect(ips: list[str], receivers: AllowedReceivers) -> None:
    connect_checked(ADDRESS, Network(receivers, resolve=lambda *_: ips), Deadline.after(5))


@pytest.mark.parametrize("others", [["10.21.0.1"], ["127.0.0.1"], ["169.254.169.254"], ["fd00:ec2::254"]])
def test_a_name_that_also_resolves_outside_of_the_list_is_refused(
    others: list[str], connections: list[tuple[str, int]]
) -> None:
    with pytest.raises(WebhookUrlNotAllowedError):
        _connect(["10.20.0.1", *others], LISTED)
    assert connections == []
    with pytest.raises(WebhookUrlNotAllowedError):
        _connect(["10.20.0.1"], AllowedReceivers())
    assert connections == []
    with pytest.raises(OSError):  # noqa: PT011  # the test's own
        _connect(["10.20.0.1", "8.8.8.8"], LISTED)
    assert connections == [("10.20.0.1", 443), ("8.8.8.8", 443)]
