"""The transports of all kinds of destinations that get files one after another; e-mail is in `email_delivery.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from delivery.outgoing import Target, Transport
from delivery.s3 import open_s3
from delivery.sftp import open_sftp
from resma.destinations.kinds import SETTINGS_OF_KINDS, DestinationKind

_OPENERS: Mapping[DestinationKind, Callable[[Target], Transport]] = {"S3": open_s3, "SFTP": open_sftp}
"""Function that opens the transport of each kind. It raises DeliveryError."""

assert _OPENERS.keys() | {"EMAIL"} == SETTINGS_OF_KINDS.keys()


def open_transport(kind: DestinationKind, target: Target) -> Transport:
    """Opens the transport to a destination; the caller closes it. Raises DeliveryError."""
    return _OPENERS[kind](target)
