"""The stack on one's own machine is that machine's alone."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import psutil

from tests.e2e.client import Client


def test_nothing_listens_on_an_address_that_others_reach(client: Client) -> None:
    client.await_status(client.ask("CSV", {"from": "2030-01-01"}), "READY")  # every kind of process has come up
    folder, found = client.stack.folder, set()
    for process in psutil.process_iter():
        try:
            if folder in (place := Path(process.cwd())).parents or place == folder:
                found |= {(place.name, at.laddr.ip) for at in process.net_connections() if at.status == "LISTEN"}
        except (psutil.Error, OSError):
            continue
    assert found, "Postgres and LocalStack at least"
    assert [(name, ip) for name, ip in found if not ipaddress.ip_address(ip).is_loopback] == []
