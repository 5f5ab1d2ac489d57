"""Finds the API and its key: from a URL, a profile, or the stack that runs on this machine."""

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
"""Root of the checkout, if this package is part of one."""

URL_VARIABLE = "RESMA_URL"
KEY_VARIABLE = "RESMA_KEY"

_MAX_KEY_BYTES = 16 * 1024
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1", re.IGNORECASE)


@dataclass(frozen=True)
class ApiConfig:
    """The URL of an API, without a trailing slash, and the key or token, if any."""

    url: str
    key: str | None = field(default=None, repr=False)
    is_embedded: bool = False
    """Whether the URL comes from the state file of the stack on this machine."""
    profile: str | None = None
    """Name of the profile that the URL comes from, if any."""

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        return bool(_LOOPBACK.fullmatch(urlsplit(self.url).hostname or ""))


def find_api_config(url: str | None, key_file: Path | None, profile: str | None = None) -> ApiConfig:
    """Finds the API. Raises CommandFailedError if none is named, or if a key would be sent unencrypted.

    The first of these applies: `url`, `profile`, RESMA_URL, RESMA_PROFILE, the stack that was started from this
    checkout, the profile named `default`. A profile's key is sent only to the profile's URL. RESMA_KEY and `key_file`
    are also sent to the stack that was started here, because without a key it would grant every scope.
    """
    if url and profile:
        raise CommandFailedError(ExitCode.USAGE, "`--url` and `--profile` exclude each other. Use one of them.")
    named, chosen = _find_named(url, profile)
    state_url = None if named or chosen else read_state().get("api_url")
    if not (named or chosen or state_url):
        chosen = read_profiles().get(DEFAULT_PROFILE)
    found_url = named or state_url or (chosen.url if chosen else None)
    if not found_url:
        raise CommandFailedError(
            ExitCode.UNREACHABLE,
            "No deployment is named, and no stack is up on this machine. Run `resma login` to save a URL and a key, "
            f"set {URL_VARIABLE} and {KEY_VARIABLE}, or run `resma up` in a checkout of Resma.",
        )
    key = read_key(key_file) if key_file else None
    key = key or (chosen.key if chosen else None) or check_key(os.environ.get(KEY_VARIABLE) or None, KEY_VARIABLE)
    config = ApiConfig(check_url(found_url), key, is_embedded=bool(state_url), profile=chosen.name if chosen else None)
    require_private(config)
    return config


def is_named(url: str | None, profile: str | None) -> bool:
    """Returns whether options or the environment name a deployment.

    Raises CommandFailedError for a profile that does not exist.
    """
    return any(_find_named(url, profile))


def _find_named(url: str | None, profile: str | None) -> tuple[str | None, Profile | None]:
    """Returns the URL or the profile that options or the environment name. Options take precedence."""
    if url:
        return url, None
    if profile:
        return None, find_profile(profile)
    if named := os.environ.get(URL_VARIABLE):
        return named, None
    chosen = os.environ.get(PROFILE_VARIABLE)
    return None, find_profile(chosen) if chosen else None


def require_private(config: ApiConfig) -> None:
    """Raises CommandFailedError if the key would be sent unencrypted, or to another machine's stack."""
    if not config.key or config.is_loopback:
        return
    if config.is_embedded:
        detail = f"The state file of the stack names {config.url}, which is not this machine. Set {URL_VARIABLE} to it."
        raise CommandFailedError(ExitCode.USAGE, detail)
    if not config.url.startswith("https://"):
        raise CommandFailedError(
            ExitCode.USAGE, f"The key would be sent unencrypted to {config.url}. Use an https URL."
        )


def stack_name() -> str:
    """Which of the stacks on this machine commands are about: that of RESMA_STACK, or `local`."""
    return os.environ.get("RESMA_STACK") or "local"


def state_folder() -> Path:
    """Returns the folder with the state of that stack."""
    return ROOT / ".resma" / stack_name()


def read_state() -> dict[str, Any]:
    """Returns the state file of the stack that was started here; empty if it does not exist or is damaged."""
    try:
        state = json.loads((state_folder() / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def check_url(text: str) -> str:
    """Returns the base URL of an API. A URL without a scheme gets https, or http if its host is this machine.

    Raises CommandFailedError if it is not a valid URL.
    """
    url = text.strip()
    if "://" not in url and _is_parsable(f"//{url}"):
        is_here = _LOOPBACK.fullmatch(urlsplit(f"//{url}").hostname or "")
        url = f"{'http' if is_here else 'https'}://{url}"
    parts = urlsplit(url) if _is_parsable(url) else None
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
        raise CommandFailedError(ExitCode.USAGE, f"A URL must not contain a password. Put the key into {KEY_VARIABLE}.")
    return url.rstrip("/").removesuffix("/api/v1")


def _is_parsable(url: str) -> bool:
    """Returns whether a URL can be parsed and has a valid port."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def read_key(path: Path) -> str:
    """Returns the key in a file. Raises CommandFailedError, whose message never contains the key."""
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
    """Returns the key unchanged.

    Raises CommandFailedError, whose message never contains the key, for characters that a header cannot contain.
    """
    if key is not None and not (len(key) <= _MAX_KEY_BYTES and re.fullmatch(r"[\x21-\x7e]+", key)):
        raise CommandFailedError(
            ExitCode.USAGE, f"{source} does not contain a key. A key looks like rsm_…_… and is alone on its line."
        )
    return key
