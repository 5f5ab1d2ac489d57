"""No URL leads a webhook to a private address, whatever its notation and whatever names resolve to.

The code runs with real sockets. Only connections to addresses that are also public according to Python are replaced,
because tests have no internet. A trap listens on all addresses of this machine, and must not be reached.
"""

from __future__ import annotations

import ipaddress
import select
import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import resma.network.connect
from resma.network.connect import Deadline, Network
from resma.network.public_ip import is_public
from resma.network.receivers import AllowedReceivers
from resma.request_errors import WebhookUrlNotAllowedError
from resma.webhooks.url import WebhookUrl
from webhook import connect_checked
from webhook.post_signed import post_signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FUZZ = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


class Trap:
    """Listens on all addresses of this machine."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
        self.port: int = self._listening.getsockname()[1]

    def was_reached(self) -> bool:
        """Returns whether a connection arrived since the last call. It arrives before it is accepted."""
        reached = False
        arrival = select.poll()  # `select` does not support file descriptors over 1023
        arrival.register(self._listening, select.POLLIN)
        while arrival.poll(0):
            self._listening.accept()[0].close()
            reached = True
        return reached

    def close(self) -> None:
        """Stops listening."""
        self._listening.close()


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    """One trap for all examples."""
    trap = Trap()
    yield trap
    trap.close()


class Internet:
    """Replaces the connection of sockets: private addresses are really connected to, public ones refuse."""

    def __init__(self) -> None:
        self.requested: list[str] = []
        self.private: list[str] = []

    def connect(self, ip: str, port: int, deadline: Deadline) -> socket.socket:
        """Records the address, and connects to it if it is private."""
        self.requested.append(ip)
        if _is_internet(ip):
            raise ConnectionRefusedError
        self.private.append(ip)
        return _REAL(ip, port, deadline)


_REAL = resma.network.connect._connect


def _is_internet(ip: str) -> bool:
    """Returns whether Python classifies the address, and IPv4 addresses inside of it, as public."""
    address = ipaddress.ip_address(ip)
    inner: list[IPv4Address | IPv6Address] = [address]
    if isinstance(address, IPv6Address):
        inner += [each for each in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if each]
        if int(address) >> 32 in {0, 0x64FF9B << 64}:
            inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return all(each.is_global and not each.is_multicast and not each.is_reserved for each in inner)


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    """Replaces the real connections."""
    internet = Internet()
    monkeypatch.setattr(resma.network.connect, "_connect", internet.connect)
    return internet


# ---------------------------------------------------------------- addresses and their notations

_BLOCKS = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4"),
    "240.0.0.0/4",
)
_FAMOUS = ("127.0.0.1", "0.0.0.0", "169.254.169.254", "169.254.170.2", "100.100.100.200", "10.0.0.1", "127.255.255.254")
private_v4 = st.one_of(
    st.sampled_from([IPv4Address(text) for text in _FAMOUS]),
    st.sampled_from(_BLOCKS).flatmap(lambda block: st.ip_addresses(network=block)),
).map(lambda address: IPv4Address(str(address)))
private_v6 = st.one_of(
    st.sampled_from([IPv6Address(text) for text in ("::1", "::", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1")]),
    *(st.ip_addresses(network=block) for block in ("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "100::/64")),
).map(lambda address: IPv6Address(str(address)))
public = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6, network="2600::/12")).filter(
    lambda address: _is_internet(str(address)) and is_public(address)
)


def _number(value: int, radix: str) -> str:
    return {"decimal": f"{value}", "octal": f"0{value:o}", "hex": f"0x{value:x}", "HEX": f"0X{value:X}"}[radix]


@st.composite
def spelled_v4(draw: st.DrawFn) -> str:
    """Draws an IPv4 address as inet_aton accepts it: one to four numbers, each in any radix, with leading zeros."""
    value = int(draw(private_v4))
    parts = draw(st.integers(1, 4))
    numbers = [value >> (24 - 8 * place) & 0xFF for place in range(parts - 1)]
    numbers.append(value & (1 << (8 * (5 - parts))) - 1)
    radices = st.sampled_from(["decimal", "octal", "hex", "HEX"])
    return ".".join(_number(number, draw(radices)) for number in numbers)


@st.composite
def disguised(draw: st.DrawFn) -> str:
    """Draws the host of a URL, in one of many notations."""
    v4, v6 = draw(private_v4), draw(private_v6)
    packed = f"{int(v4) >> 16:x}:{int(v4) & 0xFFFF:x}"
    name = draw(st.sampled_from(["localhost", "LocalHost", "a.localhost", "localhost.localdomain", "db.internal"]))
    plain = draw(
        st.sampled_from([str(v4), f"{v4}.", draw(spelled_v4()), f"{draw(spelled_v4())}.", name, f"{name}."])
        | st.sampled_from([f"[{v6}]", f"[{v6}%25eth0]", f"[{v6}%lo]", f"[{v6.exploded}]", f"[::{packed}]"])
        | st.sampled_from([f"[::ffff:{v4}]", f"[::ffff:{packed}]", f"[::FFFF:{v4}]", f"[::ffff:0:{v4}]", f"[::{v4}]"])
        | st.sampled_from([f"[64:ff9b::{v4}]", f"[64:ff9b:1::{v4}]", f"[2002:{packed}::1]", f"[2001:0:{packed}::]"])
    )
    if draw(st.booleans()) or "[" in plain:
        return plain
    wide = str.maketrans("0123456789.", "０１２３４５６７８９。")
    return draw(
        st.sampled_from([plain.translate(wide), "".join(f"%{ord(letter):02x}" for letter in plain), f"{plain}%00"])
        | st.sampled_from([f"{plain}\\", f"{plain}\t", f" {plain}", f"{plain}%2f", f"8.8.8.8@{plain}", f"a:b@{plain}"])
        | st.sampled_from(
            [f"hooks.example.com:443@{plain}", f"hooks.example.com\\@{plain}", f"@{plain}", f"{plain}:80@"]
        )
    )


# ---------------------------------------------------------------- no connection


@FUZZ
@given(host=disguised(), scheme=st.sampled_from(["https", "http", "HTTPS", "ftp", "gopher"]), has_port=st.booleans())
@example(host="127.0.0.1", scheme="https", has_port=True)
@example(host="[::1]", scheme="https", has_port=True)
def test_no_notation_of_a_private_address_is_connected_to(
    trap: Trap, internet: Internet, host: str, scheme: str, has_port: bool
) -> None:
    url = f"{scheme}://{host}{f':{trap.port}' if has_port else ''}/hook"
    outcome = post_signed(url, "evt_1", "{}", [SECRET], Network(resolve=_numeric))
    assert outcome.status_code is None
    assert outcome.error
    assert not trap.was_reached()
    assert internet.private == []


@FUZZ
@given(host=st.one_of(spelled_v4(), private_v4.map(str), private_v6.map(str), private_v4.map(lambda a: f"::ffff:{a}")))
@example(host="127.0.0.1")
@example(host="0")
@example(host="::1")
@example(host="::ffff:127.0.0.1")
def test_refused_hosts_are_also_refused_after_resolution(trap: Trap, internet: Internet, host: str) -> None:
    """Skips the validation of the URL: the resolver accepts all notations, and its addresses are checked."""
    address = WebhookUrl(False, host, trap.port, "/")
    with pytest.raises((WebhookUrlNotAllowedError, OSError)):
        connect_checked.connect_checked(address, Network(resolve=_numeric), Deadline.after(5))
    assert not trap.was_reached()
    assert internet.private == []


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "::1"])
def test_the_trap_works(trap: Trap, host: str) -> None:
    """The same code reaches the trap if the setting allows loopback."""
    address = WebhookUrl(False, host, trap.port, "/")
    network = Network(AllowedReceivers(opens_loopback=True), resolve=_numeric)
    connect_checked.connect_checked(address, network, Deadline.after(5)).close()
    assert trap.was_reached()


@FUZZ
@given(
    answers=st.lists(st.one_of(public, private_v4, private_v6), min_size=1, max_size=6).flatmap(
        lambda some: private_v4.flatmap(lambda one: st.permutations([*some, one]))
    )
)
def test_a_name_with_one_private_address_is_refused(trap: Trap, internet: Internet, answers: Sequence[Any]) -> None:
    network = Network(resolve=lambda _host, _port: [str(answer) for answer in answers])
    outcome = post_signed(f"https://hooks.example.com:{trap.port}/", "evt_1", "{}", [SECRET], network)
    assert outcome.error == "Not sent: the host has an IP address that is not public."
    assert not trap.was_reached()
    assert internet.requested == []


@FUZZ
@given(
    first=st.lists(public, min_size=1, max_size=3),
    later=st.lists(st.one_of(private_v4, private_v6), min_size=1, max_size=4),
)
def test_dns_rebinding_has_no_effect(
    trap: Trap, internet: Internet, first: Sequence[Any], later: Sequence[Any]
) -> None:
    """The name is public when it is checked, and private when the connection is opened."""
    said = iter([first])
    asked = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [str(answer) for answer in next(said, later)]

    before = len(internet.requested)
    outcome = post_signed(f"https://rebind.example:{trap.port}/", "evt_1", "{}", [SECRET], Network(resolve=rebinding))
    assert outcome.error == "The receiver cannot be reached (ConnectionRefusedError)."
    assert asked == ["rebind.example"], "it is resolved once"
    assert internet.requested[before:] == [str(answer) for answer in first], "only checked addresses are connected to"
    assert not trap.was_reached()


@FUZZ
@given(
    answer=st.one_of(private_v4, private_v6, private_v4.map(lambda a: IPv6Address(f"::ffff:{a}"))).filter(
        lambda address: str(address) != "::1" and not (address.version == 4 and address.is_loopback)
    )
)
@example(answer=IPv6Address("::ffff:127.0.0.1"))
def test_other_private_addresses_are_refused_when_loopback_is_allowed(
    trap: Trap, internet: Internet, answer: IPv4Address | IPv6Address
) -> None:
    network = Network(AllowedReceivers(opens_loopback=True), resolve=lambda _host, _port: [str(answer)])
    outcome = post_signed(f"http://hooks.example.com:{trap.port}/", "evt_1", "{}", [SECRET], network)
    assert outcome.error == "Not sent: the host has an IP address that is not public."
    assert not trap.was_reached()
    assert internet.requested == []


def test_the_address_of_the_connected_peer_is_checked(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent if the peer has another address, for example because of NAT."""
    monkeypatch.setattr(
        resma.network.connect, "_connect", lambda _ip, port, deadline: _REAL("127.0.0.1", port, deadline)
    )
    network = Network(resolve=lambda *_: ["8.8.8.8"])
    outcome = post_signed(f"https://hooks.example.com:{trap.port}/", "evt_1", "{}", [SECRET], network)
    assert outcome.error == "Not sent: the host has an IP address that is not public."
    assert trap.was_reached(), "the test bypasses the check before the connection"


def _numeric(host: str, port: int) -> list[str]:
    """Resolves only numeric addresses, in all notations, without a name server."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(sockaddr[0]) for *_, sockaddr in found]
