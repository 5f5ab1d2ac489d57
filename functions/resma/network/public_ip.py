"""Classification of IP addresses. Only addresses that are clearly part of the public internet are public."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

# `is_global` is not used: it differs between Python releases, and it is true for multicast, relays and tunnels.
_NOT_PUBLIC_V4 = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8",  # "this network"; 0.0.0.0 itself reaches loopback
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carrier-grade NAT; a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform services, in every virtual network
        "169.254.0.0/16",  # link-local: metadata and credentials at 169.254.169.254 and 169.254.170.2
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocols; a cloud's metadata at 192.0.0.192
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

# The global unicast addresses of IANA. Loopback, link-local, site-local, unique local with fd00:ec2::254 (metadata),
# multicast, and addresses that contain an IPv4 address (mapped, compatible, translated 64:ff9b::) are outside.
_UNICAST_V6 = ip_network("2000::/3")

_NOT_PUBLIC_V6 = tuple(
    ip_network(block)
    for block in (
        "2001::/23",  # protocols: Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: contains an IPv4 address
        "3fff::/20",
    )
)

_PRIVATE = tuple(ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Returns whether it is the address of a host on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _NOT_PUBLIC_V4)
    return address.scope_id is None and address in _UNICAST_V6 and not any(address in block for block in _NOT_PUBLIC_V6)


def is_loopback(address: IPv4Address | IPv6Address) -> bool:
    """Returns whether it is in 127.0.0.0/8 or is ::1. IPv4-mapped forms do not count."""
    return address.is_loopback and (isinstance(address, IPv4Address) or address.ipv4_mapped is None)


def is_private_v4(address: IPv4Address | IPv6Address) -> bool:
    """Returns whether it is in one of the three private blocks of RFC 1918."""
    return isinstance(address, IPv4Address) and any(address in block for block in _PRIVATE)
