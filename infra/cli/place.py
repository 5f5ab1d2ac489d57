"""Where the API is and with which key it is asked: an address that was given, or the stack that is up here."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.cli.exits import CommandFailed, ExitCode

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, where this is part of one."""

URL_VARIABLE = "RESMA_URL"
KEY_VARIABLE = "RESMA_KEY"

_KEY_BYTES_MAX = 16 * 1024
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """An API's address without a slash at its end, and the key or token, if any."""

    url: str
    key: str | None = field(default=None, repr=False)
    is_embedded: bool = False
    """Whether it was found by the state file of the stack on this machine."""

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine's."""
        return bool(_LOOPBACK.fullmatch(urlsplit(self.url).hostname or ""))


def find_place(url: str | None, key_file: Path | None) -> Place:
    """Finds the API. Raises CommandFailed where there is none, or where a key would be given away.

    A key goes to an address that was named, or to the stack that was started here: without it, that one would take
    the request as from this machine, with every scope, where the key has fewer.
    """
    given = url or os.environ.get(URL_VARIABLE)
    found = given or read_state().get("api_url")
    if not found:
        raise CommandFailed(
            ExitCode.UNREACHABLE,
            f"no stack is up on this machine and {URL_VARIABLE} names none: say `resma up` in a checkout of Resma, "
            f"or set {URL_VARIABLE} to the API's address and {KEY_VARIABLE} to a key",
        )
    key = _read_key(key_file) if key_file else _check_key(os.environ.get(KEY_VARIABLE) or None, KEY_VARIABLE)
    place = Place(_check_url(found), key, is_embedded=not given)
    if key and not place.is_loopback and (place.is_embedded or not place.url.startswith("https://")):
        if place.is_embedded:
            raise CommandFailed(ExitCode.USAGE, f"{place.url} is not this machine's: name it in {URL_VARIABLE}")
        raise CommandFailed(ExitCode.USAGE, f"{place.url} would carry the key unencrypted: give its https address")
    return place


def state_folder() -> Path:
    """Where the state of the stack is that RESMA_STACK names, or of the usual one."""
    return ROOT / ".resma" / (os.environ.get("RESMA_STACK") or "local")


def read_state() -> dict[str, Any]:
    """The state file of the stack that was started here; empty where there is none."""
    try:
        state = json.loads((state_folder() / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        port_is_right = False
    if (
        not port_is_right
        or parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.query
        or parts.fragment
    ):
        raise CommandFailed(ExitCode.USAGE, f"{url} is no address of an API: give one like https://reports.example.com")
    if "@" in parts.netloc:
        raise CommandFailed(ExitCode.USAGE, f"an address holds no password: put the key into {KEY_VARIABLE}")
    return url.strip().rstrip("/").removesuffix("/api/v1")


def _read_key(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(_KEY_BYTES_MAX + 1).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CommandFailed(ExitCode.USAGE, f"the key file {path} can't be read: {why}") from error
    if (key := _check_key(text or None, str(path))) is None:
        raise CommandFailed(ExitCode.USAGE, f"the key file {path} is empty")
    return key


def _check_key(key: str | None, source: str) -> str | None:
    """A header's value: no space, no line break. The message never shows the key."""
    if key is not None and not (len(key) <= _KEY_BYTES_MAX and re.fullmatch(r"[\x21-\x7e]+", key)):
        raise CommandFailed(ExitCode.USAGE, f"what {source} holds is no key: one looks like rsm_…_…, alone on its line")
    return key
