"""Ports that `free_port` returns stay free until a server listens on them."""

from __future__ import annotations

import socket
import subprocess
import sys

from infra.paths import ROOT
from infra.servers.ports import free_port

COUNT = 50


def test_processes_get_different_ports() -> None:
    code = f"from infra.servers.ports import free_port; print(*(free_port() for _ in range({COUNT})))"
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    ports = [int(port) for process in running for port in process.communicate()[0].split()]
    assert len(ports) == len(set(ports)) == 3 * COUNT


def test_a_port_is_below_those_that_the_kernel_gives_to_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert free_port() < 32_768 <= server.getsockname()[1]


def test_a_port_in_use_is_skipped() -> None:
    first = free_port()
    with socket.create_server(("127.0.0.1", first + 1)):
        assert free_port() not in {first, first + 1}
