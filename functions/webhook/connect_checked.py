"""Connections to webhook receivers: to allowed addresses only (resma/network), with TLS that verifies the host name."""

from __future__ import annotations

import socket
import ssl
from functools import lru_cache

from resma.network.connect import Deadline, Network, connect_to
from resma.network.hosts import HostNotAllowedError
from resma.request_errors import WebhookUrlNotAllowedError
from resma.webhooks.url import WebhookUrl


def connect_checked(url: WebhookUrl, network: Network, deadline: Deadline) -> socket.socket:
    """Returns a connected socket, with TLS for https.

    Raises WebhookUrlNotAllowedError; StepTimeoutError if the name is not resolved or the host does not accept the
    connection in time; TimeoutError or OSError.
    """
    try:
        connection = connect_to(url.host, url.port, network, deadline)
    except HostNotAllowedError:
        # The message does not contain the address, because tenants must not learn how names resolve in this network.
        raise WebhookUrlNotAllowedError("Not sent: the host has an IP address that is not public.") from None
    try:
        if url.is_https:
            connection.settimeout(deadline.left())
            connection = _tls().wrap_socket(connection, server_hostname=url.host)
    except BaseException:
        connection.close()
        raise
    return connection


@lru_cache
def _tls() -> ssl.SSLContext:
    """Returns a TLS context that verifies certificates with the system's authorities, and host names."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
