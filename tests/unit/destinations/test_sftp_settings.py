"""Settings of destinations by SFTP: hosts, host keys, folders and patterns."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from resma.destinations.settings import DestinationRules
from resma.destinations.sftp_settings import SftpSettings
from resma.network.receivers import AllowedReceivers

FINGERPRINT = "SHA256:uNiVztksCsDhcc0u9e8BrW8hHdG6Q4pS7vEfXb2yPaU"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFB5dGhvbiBpcyBhIHByb2dyYW1taW5nIGxhbmd1YQ=="


def settings(**changes: Any) -> SftpSettings:
    given = {"host": "sftp.example.com", "user": "bank", "secretName": "partner", "hostKeys": [FINGERPRINT]}
    return SftpSettings.model_validate({**given, **changes})


def pointers(given: SftpSettings, hosts: AllowedReceivers | None = None) -> list[str]:
    rules = DestinationRules("prod", "reports", hosts=hosts or AllowedReceivers())
    return [error.pointer for error in given.errors(rules)]


def test_the_url_names_user_host_port_and_folder() -> None:
    assert settings().url == "sftp://bank@sftp.example.com/"
    assert settings(port=2222, directory="/in/").url == "sftp://bank@sftp.example.com:2222/in"
    assert settings(host="SFTP.Example.com.").host == "sftp.example.com"


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "2130706433", "0x7f.1", "sftp.internal"]
)
def test_private_hosts_are_refused(host: str) -> None:
    assert pointers(settings(host=host)) == ["/host"]


def test_an_operator_can_allow_a_private_network() -> None:
    hosts = AllowedReceivers(allowed_networks=(ip_network("10.1.0.0/16"),))
    assert pointers(settings(host="10.1.2.3"), hosts) == []
    assert pointers(settings(host="10.2.2.3"), hosts) == ["/host"]


def test_ports_of_other_services_are_refused() -> None:
    assert pointers(settings(port=25)) == ["/port"]
    assert pointers(settings(port=2022)) == []


def test_host_keys_are_fingerprints_or_public_keys() -> None:
    assert settings(hostKeys=[f"{PUBLIC_KEY} comment", FINGERPRINT, PUBLIC_KEY]).host_keys == [PUBLIC_KEY, FINGERPRINT]


@pytest.mark.parametrize(
    "host_keys",
    [
        [],
        [FINGERPRINT[7:] + " " * 10],
        ["MD5:" + "aa:" * 15 + "aa"],
        [FINGERPRINT + "="],
        [PUBLIC_KEY.replace("ed25519", "dss")],
        [PUBLIC_KEY.replace("AAAAC3", "BBBBC3")],
        [f"sftp.example.com {PUBLIC_KEY}"],
    ],
    ids=["none", "no prefix", "MD5", "padding", "old type", "other type inside", "with the host"],
)
def test_other_host_keys_are_refused(host_keys: list[str]) -> None:
    with pytest.raises(ValidationError):
        settings(hostKeys=host_keys)


@pytest.mark.parametrize(
    "changes",
    [
        {"directory": "../in"},
        {"directory": "/in//out"},
        {"directory": "in/./out"},
        {"directory": "in\nout"},
        {"path": "../{file}"},
        {"path": "{type}"},
        {"user": "with space"},
        {"user": ""},
        {"secretName": "../other"},
        {"port": 0},
        {"port": "22"},
    ],
    ids=str,
)
def test_other_values_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)
