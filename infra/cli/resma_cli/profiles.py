"""Profiles: URLs and keys of deployments by name, in a configuration file that only its owner can read."""

from __future__ import annotations

import configparser
import os
import re
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from resma_cli.exit_codes import CommandFailedError, ExitCode

CONFIG_VARIABLE = "RESMA_CONFIG"
PROFILE_VARIABLE = "RESMA_PROFILE"
DEFAULT_PROFILE = "default"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Profile:
    """A deployment by name: its URL and, if one was saved, the key for it."""

    name: str
    url: str
    key: str | None = field(default=None, repr=False)


def config_path() -> Path:
    """Path of the configuration file: RESMA_CONFIG, or `resma/config.ini` in the user's configuration folder."""
    if path := os.environ.get(CONFIG_VARIABLE):
        return Path(path)
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111  # never raises
    return Path(folder) / "resma" / "config.ini"


def check_name(name: str) -> str:
    """Returns a profile's name. Raises CommandFailedError unless it is letters, digits, `.`, `_` and `-`."""
    if not _NAME.fullmatch(name):
        detail = f"`{name}` is not a valid profile name. Use letters, digits, `.`, `_` and `-`."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return name


def read_profiles() -> dict[str, Profile]:
    """Returns all profiles by name; none where no file exists.

    Raises CommandFailedError where the file can't be read, is damaged, or could be read by other users.
    """
    path = config_path()
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            parser = _parser()
            parser.read_file(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise CommandFailedError(
            ExitCode.USAGE, f"The configuration file {path} can't be read: {error.strerror}."
        ) from None
    except (configparser.Error, UnicodeDecodeError):
        # The parser's own message quotes the line, which may hold a key.
        detail = f"The configuration file {path} is damaged. Correct it, or delete it and run `resma login` again."
        raise CommandFailedError(ExitCode.USAGE, detail) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and any(parser.has_option(name, "key") for name in parser.sections()):
        detail = f"The configuration file {path} holds keys and is open to other users. Run `chmod 600 {path}`."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return {
        name: Profile(name, parser.get(name, "url"), parser.get(name, "key", fallback=None) or None)
        for name in parser.sections()
        if parser.has_option(name, "url")
    }


def find_profile(name: str) -> Profile:
    """Returns a profile. Raises CommandFailedError where it does not exist, naming those that do."""
    profiles = read_profiles()
    if (found := profiles.get(name)) is None:
        there = f"The profiles are: {', '.join(sorted(profiles))}." if profiles else "There are no profiles."
        detail = f"There is no profile `{name}`. {there} Create one with `resma login --profile NAME`."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return found


def save_profile(profile: Profile) -> Path:
    """Adds or replaces a profile; returns the path of the file, which has mode 0600. Raises CommandFailedError."""
    profiles = {**read_profiles(), check_name(profile.name): profile}
    return _write(profiles)


def delete_profile(name: str) -> None:
    """Deletes a profile and its key. Raises CommandFailedError where it does not exist."""
    find_profile(name)
    _write({each: profile for each, profile in read_profiles().items() if each != name})


def _write(profiles: dict[str, Profile]) -> Path:
    parser = _parser()
    for name, profile in sorted(profiles.items()):
        parser[name] = {"url": profile.url, **({"key": profile.key} if profile.key else {})}
    path = config_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Created with mode 0600, and renamed when it is complete: readers see the old file or the new one.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                parser.write(file)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        detail = f"The configuration file {path} can't be written: {error.strerror}. Set {CONFIG_VARIABLE} to another."
        raise CommandFailedError(ExitCode.FAILED, detail) from error
    return path


def _parser() -> configparser.ConfigParser:
    """A parser that takes every value as it stands, and gives no section's values to others."""
    return configparser.ConfigParser(
        interpolation=None, delimiters=("=",), comment_prefixes=("#",), default_section="\x00"
    )
