"""Where the functions find a database, and how they encrypt the connection: the fields of its secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resma.database.connection import TLS_PARAMETERS

CODE_FOLDER = "/var/task"
"""Folder of a function's code on Lambda."""

_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_LOOPBACK = ("localhost", "127.", "::1", "/")


@dataclass(frozen=True)
class Address:
    """Fields of a secret without login and password; `problems` and `warnings` about them are for the operator."""

    fields: Mapping[str, Any]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def find_address(parameters: Mapping[str, Any], override: str | None, option: str, *, uses_tls: bool) -> Address:
    """Returns the address for functions of the database that this process is connected to.

    `parameters` are those of the connection: host, port, dbname, and options of TLS. `override` is `host` or
    `host:port`, from the command's `option`.
    """
    problems, warnings = [], []
    host, port = _split(override) if override else (None, None)
    host = host or str(parameters.get("host", ""))
    if not host or host.startswith(_LOOPBACK):
        problems.append(
            f"The functions can't reach the host '{host or 'localhost'}', which is this machine. Name the host of the "
            f"database with {option} HOST[:PORT]."
        )
    fields: dict[str, Any] = {
        "host": host,
        "port": int(port or parameters.get("port") or 5432),
        "dbname": parameters.get("dbname", ""),
    }
    mode = parameters.get("sslmode")
    if mode in {None, "prefer", "allow"}:
        if not uses_tls:
            problems.append(
                "The server does not encrypt connections, which the functions require. Enable TLS on the server, or "
                "allow connections without it: add ?sslmode=disable to the URL."
            )
    else:
        fields["sslmode"] = mode
    for name in TLS_PARAMETERS:
        value = str(parameters.get(name) or "")
        if name in _FILES and value not in {"", "system"}:
            fields[name] = f"{CODE_FOLDER}/{Path(value).name}"
            warnings.append(
                f"Copy {value} to functions/{Path(value).name} before `resma aws build`: the functions read it."
            )
        elif name != "sslmode" and value:
            fields[name] = value
    return Address(fields, tuple(problems), tuple(warnings))


def _split(override: str) -> tuple[str, str | None]:
    host, colon, port = override.rpartition(":")
    return (host, port) if colon and port.isdigit() else (override, None)
