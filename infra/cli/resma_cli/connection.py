"""Finds the API and the key for it: a URL, a profile, or the stack that is up on this machine."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.profiles import DEFAULT_PROFILE, PROFILE_VARIABLE, Profile, find_profile, read_profiles

ROOT = Path(__file__).resolve().parents[3]
"""The checkout, where this is part of one."""

URL_VARIABLE = "RESMA_URL"
KEY_VARIABLE = "RESMA_KEY"

_MAX_KEY_BYTES = 16 * 1024
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """An API's URL without a slash at its end, and the key or token, if any."""

    url: str
    key: str | None = field(default=None, repr=False)
    is_embedded: bool = False
    """Whether it was found by the state file of the stack on this machine."""
    profile: str | None = None
    """Name of the profile that it comes from, if it does."""

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine's."""
        return bool(_LOOPBACK.fullmatch(urlsplit(self.url).hostname or ""))


def find_place(url: str | None, key_file: Path | None, profile: str | None = None) -> Place:
    """Finds the API. Raises CommandFailedError where there is none, or where a key would be given away.

    In this order: `url`, `profile`, RESMA_URL, RESMA_PROFILE, the stack that was started from this checkout, the
    profile named `default`. A profile's key is sent to the profile's URL only. RESMA_KEY and `key_file` are sent to
    a URL that was named, or to the stack that was started here: without a key, that one would accept the request as
    from this machine, with every scope, where the key may have fewer.
    """
    if url and profile:
        raise CommandFailedError(ExitCode.USAGE, "`--url` and `--profile` exclude each other. Use one of them.")
    named, chosen = _find_named(url, profile)
    state_url = None if named or chosen else read_state().get("api_url")
    if not (named or chosen or state_url):
        chosen = read_profiles().get(DEFAULT_PROFILE)
    found = named or state_url or (chosen.url if chosen else None)
    if not found:
        raise CommandFailedError(
            ExitCode.UNREACHABLE,
            "No deployment is named, and no stack is up on this machine. Run `resma login` to save a URL and a key, "
            f"set {URL_VARIABLE} and {KEY_VARIABLE}, or run `resma up` in a checkout of Resma.",
        )
    key = read_key(key_file) if key_file else None
    key = key or (chosen.key if chosen else None) or check_key(os.environ.get(KEY_VARIABLE) or None, KEY_VARIABLE)
    place = Place(check_url(found), key, is_embedded=bool(state_url), profile=chosen.name if chosen else None)
    require_private(place)
    return place


def is_named(url: str | None, profile: str | None) -> bool:
    """Whether options or the environment name a deployment.

    Raises CommandFailedError for a profile that does not exist.
    """
    return any(_find_named(url, profile))


def _find_named(url: str | None, profile: str | None) -> tuple[str | None, Profile | None]:
    """What options and environment name: a URL, or a profile. Options come before the environment."""
    if url:
        return url, None
    if profile:
        return None, find_profile(profile)
    if named := os.environ.get(URL_VARIABLE):
        return named, None
    chosen = os.environ.get(PROFILE_VARIABLE)
    return None, find_profile(chosen) if chosen else None


def require_private(place: Place) -> None:
    """Raises CommandFailedError where a key would be sent unencrypted over a network, or to another machine's stack."""
    if not place.key or place.is_loopback:
        return
    if place.is_embedded:
        detail = f"The state file of the stack names {place.url}, which is not this machine. Set {URL_VARIABLE} to it."
        raise CommandFailedError(ExitCode.USAGE, detail)
    if not place.url.startswith("https://"):
        raise CommandFailedError(ExitCode.USAGE, f"The key would be sent unencrypted to {place.url}. Use an https URL.")


def stack_name() -> str:
    """Which of the stacks on this machine commands are about: that of RESMA_STACK, or `local`."""
    return os.environ.get("RESMA_STACK") or "local"


def state_folder() -> Path:
    """Where the state of that stack is."""
    return ROOT / ".resma" / stack_name()


def read_state() -> dict[str, Any]:
    """The state file of the stack that was started here; empty where there is none."""
    try:
        state = json.loads((state_folder() / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def check_url(text: str) -> str:
    """Returns an API's base URL as people write it: without a scheme it is https, or http on this machine.

    Raises CommandFailedError for what is not a URL.
    """
    url = text.strip()
    if "://" not in url and _is_split(f"//{url}"):
        is_here = _LOOPBACK.fullmatch(urlsplit(f"//{url}").hostname or "")
        url = f"{'http' if is_here else 'https'}://{url}"
    parts = urlsplit(url) if _is_split(url) else None
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not re.fullmatch(r"\S+", parts.hostname or "")
        or parts.query
        or parts.fragment
    ):
        raise CommandFailedError(
            ExitCode.USAGE, f"{text} is not a URL of an API. Use one like https://reports.example.com."
        )
    if "@" in parts.netloc:
        raise CommandFailedError(ExitCode.USAGE, f"A URL must not hold a password. Put the key into {KEY_VARIABLE}.")
    return url.rstrip("/").removesuffix("/api/v1")


def _is_split(url: str) -> bool:
    """Whether a URL has a host and a port that can be read."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def read_key(path: Path) -> str:
    """Returns the key that a file holds. Raises CommandFailedError; never shows the key."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_KEY_BYTES + 1).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not ASCII text"
        raise CommandFailedError(ExitCode.USAGE, f"The key file {path} can't be read: {why}.") from error
    if (key := check_key(text or None, str(path))) is None:
        raise CommandFailedError(ExitCode.USAGE, f"The key file {path} is empty.")
    return key


def check_key(key: str | None, source: str) -> str | None:
    """Returns a key as a header can carry it.

    Raises CommandFailedError for spaces and line breaks; never shows the key.
    """
    if key is not None and not (len(key) <= _MAX_KEY_BYTES and re.fullmatch(r"[\x21-\x7e]+", key)):
        raise CommandFailedError(
            ExitCode.USAGE, f"{source} does not hold a key. One looks like rsm_…_…, alone on its line."
        )
    return key
