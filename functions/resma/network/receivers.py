"""Webhook receivers that an operator allows in addition to those on the public internet."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

IpNetwork = IPv4Network | IPv6Network

_PRIVATE = tuple(
    ip_network(block)
    for block in (
        "10.0.0.0/8",  # RFC 1918
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # RFC 6598, shared address space
        "fc00::/7",  # RFC 4193, unique local addresses
    )
)
"""Networks that can be allowed must be inside of these. Loopback and link-local addresses are outside."""

_METADATA = tuple(
    ip_network(block)
    for block in (
        "100.100.100.200/32",  # Alibaba Cloud's instance metadata
        "fd00:ec2::/32",  # AWS: instance metadata at fd00:ec2::254, DNS, time, credentials of containers
        "fd20:ce::254/128",  # Google Cloud's instance metadata
    )
)
"""IP addresses of cloud services inside of private blocks. They are never allowed."""


@dataclass(frozen=True)
class AllowedReceivers:
    """Receivers that a deployment allows in addition to public https receivers."""

    opens_loopback: bool = False
    """Whether http and receivers on this machine are allowed, for local development."""
    allowed_networks: tuple[IpNetwork, ...] = ()
    """Private networks whose hosts may be receivers."""

    def is_allowed(self, address: IPv4Address | IPv6Address) -> bool:
        """Returns whether an IP address is in an allowed private network."""
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            return False
        return any(address in network for network in self.allowed_networks) and not any(
            address in network for network in _METADATA
        )


def parse_networks(text: str) -> tuple[IpNetwork, ...]:
    """Parses networks in CIDR notation, separated by commas.

    Raises ValueError for a network that is not valid, or not entirely private.
    """
    return tuple(_parse_network(part.strip()) for part in text.split(",") if part.strip())


def _parse_network(text: str) -> IpNetwork:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a network in CIDR notation. Use a form such as 10.20.0.0/16.") from None
    if not any(network.version == block.version and network.subnet_of(block) for block in _PRIVATE):  # type: ignore[arg-type]
        raise ValueError(
            f"{text} is not inside of a private network. Use a part of {', '.join(map(str, _PRIVATE))}: "
            "public receivers need no entry, and loopback and link-local addresses are never allowed."
        )
    return network
