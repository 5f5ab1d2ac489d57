"""Validation of webhook URLs: only public hosts in plain notation over https are allowed."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.settings import ApiSettings
from resma.errors import SettingsInvalidError
from resma.network.hosts import DOCKER_HOST, may_go_to
from resma.network.public_ip import is_public
from resma.network.receivers import AllowedReceivers
from resma.request_errors import WebhookUrlNotAllowedError
from resma.settings import read_settings
from resma.webhooks.url import WebhookUrl, parse_webhook_url
from tests.support.ip_addresses import NOT_PUBLIC, PUBLIC
from tests.support.required_settings import set_required
from webhook.settings import WebhookSettings

REFUSED = [
    # The scheme, and parts that are not sent to the receiver.
    *(
        "",
        "hooks.example.com",
        "//hooks.example.com/",
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "https:",
    ),
    *(
        "https://",
        "https:///path",
        "https://hooks.example.com/#",
        "https://hooks.example.com/#part",
        "javascript:alert(1)",
    ),
    *("https://user@hooks.example.com/", "https://user:secret@hooks.example.com/", "https://@hooks.example.com/"),
    *("https://8.8.8.8@127.0.0.1/", "https://8.8.8.8:443@127.0.0.1:443/", "https://127.0.0.1\\@8.8.8.8/"),
    *("https://hooks.example.com/\r\nHost: x", "https://hooks.example.com/a b", "https://hooks.exa\tmple.com/"),
    *("https://hooks.example.com:99999/", "https://hooks.example.com:x/", "https://hooks.example.com:-1/"),
    *("https://hooks.example.com:22/", "https://hooks.example.com:25/", "https://hooks.example.com:80/"),
    # Loopback, metadata and private networks.
    *("https://127.0.0.1/", "https://127.0.0.1./", "https://169.254.169.254/", "https://10.0.0.1/", "https://0.0.0.0/"),
    *("https://[::1]/", "https://[::]/", "https://[fd00:ec2::254]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/"),
    *("https://[2600::1%eth0]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/"),
    *(
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[::1/",
        "https://::1/",
        "https://[127.0.0.1]/",
    ),
    # Other notations of private addresses.
    *("https://127.1/", "https://127.0.1/", "https://2130706433/", "https://0x7f000001/", "https://017700000001/"),
    *("https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://0X7F.1/", "https://127.0.0.0x1/", "https://00.0.0.0/"),
    *(
        "https://134744072/",
        "https://010.8.8.8/",
        "https://8.8.2056/",
        "https://256.256.256.256/",
        "https://1.2.3.4.5/",
    ),
    *("https://127%2e0.0.1/", "https://%6c%6f%63alhost/", "https://１２７.0.0.1/", "https://127。0。0。1/"),
    *("https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "https://ｌｏｃａｌｈｏｓｔ/", "https://bücher.example/", "https://example.0x/"),
    # Names that do not belong to public hosts.
    *("https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://a.localhost/", "https://intranet/"),
    *("https://printer.local/", "https://metadata.google.internal/", "https://ip-10-0-0-1.ec2.internal/"),
    *("https://localhost.localdomain/", "https://router.home.arpa/", "https://kubernetes.default.svc.cluster.local/"),
    *(
        "https://a..example/",
        "https://-a.example/",
        "https://a-.example/",
        "https://.example.com/",
        "https://*.example/",
    ),
    *(f"https://{DOCKER_HOST}/", f"https://{'a' * 64}.example/", f"https://{'a.' * 130}example/"),
]


@pytest.mark.parametrize("text", PUBLIC.split())
def test_public_addresses(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC.split())
def test_all_other_addresses_are_refused(text: str) -> None:
    assert not is_public(ip_address(text))


@given(st.ip_addresses())
def test_addresses_that_python_classifies_as_private_are_refused(address: IPv4Address | IPv6Address) -> None:
    """Resma's list of public addresses is stricter than Python's."""
    if address.is_private or address.is_multicast or address.is_reserved or address.is_link_local:
        assert not is_public(address)


@pytest.mark.parametrize("url", REFUSED)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(WebhookUrlNotAllowedError) as caught:
        parse_webhook_url(url)
    assert caught.value.detail


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://hooks.example.com", WebhookUrl(True, "hooks.example.com", 443, "/")),
        ("HTTPS://Hooks.Example.COM./a?b=c&d", WebhookUrl(True, "hooks.example.com", 443, "/a?b=c&d")),
        ("https://hooks.example.com:8443/%20x", WebhookUrl(True, "hooks.example.com", 8443, "/%20x")),
        ("https://8.8.8.8/", WebhookUrl(True, "8.8.8.8", 443, "/")),
        ("https://[2600::1]:1024/", WebhookUrl(True, "2600::1", 1024, "/")),
        ("https://xn--bcher-kva.example/", WebhookUrl(True, "xn--bcher-kva.example", 443, "/")),
        ("https://a_b.example/?", WebhookUrl(True, "a_b.example", 443, "/")),
    ],
)
def test_urls_that_are_allowed(url: str, address: WebhookUrl) -> None:
    assert parse_webhook_url(url) == address


OPENED = [
    "http://127.0.0.1:9/",
    "http://localhost/",
    "https://[::1]/",
    "http://hooks.example.com/",
    "http://127.8.8.8/",
]
STILL_REFUSED = [
    *(
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
    ),
    *(
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://u@127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://db.internal/",
    ),
]


@pytest.mark.parametrize("url", [*OPENED, f"http://{DOCKER_HOST}:8080/"])
def test_local_development_opens_loopback(url: str) -> None:
    with pytest.raises(WebhookUrlNotAllowedError):
        parse_webhook_url(url)
    assert parse_webhook_url(url, AllowedReceivers(opens_loopback=True)).host


@pytest.mark.parametrize("url", STILL_REFUSED)
def test_local_development_opens_only_loopback(url: str) -> None:
    with pytest.raises(WebhookUrlNotAllowedError):
        parse_webhook_url(url, AllowedReceivers(opens_loopback=True))


def test_the_docker_host_name_may_be_private() -> None:
    private, metadata = ip_address("172.17.0.1"), ip_address("169.254.169.254")
    assert may_go_to(DOCKER_HOST, private, AllowedReceivers(opens_loopback=True))
    assert not may_go_to(DOCKER_HOST, private, AllowedReceivers())
    assert not may_go_to(DOCKER_HOST, metadata, AllowedReceivers(opens_loopback=True))
    assert not may_go_to("hooks.example.com", private, AllowedReceivers(opens_loopback=True))


@pytest.mark.parametrize("model", [ApiSettings, WebhookSettings])
def test_only_the_local_stage_can_allow_loopback(
    model: type[ApiSettings | WebhookSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_required(model, monkeypatch)
    monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")
    for stage in ("prod", "dev", "localx", "Local"):
        monkeypatch.setenv("STAGE", stage)
        with pytest.raises(SettingsInvalidError, match="WEBHOOK_ALLOW_LOOPBACK"):
            read_settings(model)
    monkeypatch.setenv("STAGE", "local")
    assert read_settings(model).webhook_allow_loopback
    monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "")
    assert not read_settings(model).webhook_allow_loopback
