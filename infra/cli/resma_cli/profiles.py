"""Profiles: named URLs and keys of deployments, in a configuration file that only its owner can read."""

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
    """The name of a deployment, its URL, and its key if one was saved."""

    name: str
    url: str
    key: str | None = field(default=None, repr=False)


def config_path() -> Path:
    """Returns the path of the configuration file: RESMA_CONFIG, or `resma/config.ini` in XDG_CONFIG_HOME."""
    if path := os.environ.get(CONFIG_VARIABLE):
        return Path(path)
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111  # never raises
    return Path(folder) / "resma" / "config.ini"


def check_name(name: str) -> str:
    """Returns a profile's name. Raises CommandFailedError unless it consists of letters, digits, `.`, `_` and `-`."""
    if not _NAME.fullmatch(name):
        detail = f"`{name}` is not a valid profile name. Use letters, digits, `.`, `_` and `-`."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return name


def read_profiles() -> dict[str, Profile]:
    """Returns all profiles by name; none if the file does not exist.

    Raises CommandFailedError if the file can't be read, is damaged, or can be read by other users.
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
        # The parser's own message quotes the line, which may contain a key.
        detail = f"The configuration file {path} is damaged. Correct it, or delete it and run `resma login` again."
        raise CommandFailedError(ExitCode.USAGE, detail) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and any(parser.has_option(name, "key") for name in parser.sections()):
        detail = f"The configuration file {path} contains keys and can be read by other users. Run `chmod 600 {path}`."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return {
        name: Profile(name, parser.get(name, "url"), parser.get(name, "key", fallback=None) or None)
        for name in parser.sections()
        if parser.has_option(name, "url")
    }


def find_profile(name: str) -> Profile:
    """Returns a profile. Raises CommandFailedError, which names the profiles that exist, if it does not exist."""
    profiles = read_profiles()
    if (profile := profiles.get(name)) is None:
        known = f"The profiles are: {', '.join(sorted(profiles))}." if profiles else "There are no profiles."
        detail = f"There is no profile `{name}`. {known} Create one with `resma login --profile NAME`."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return profile


def save_profile(profile: Profile) -> Path:
    """Adds or replaces a profile. Returns the path of the file, which has mode 0600. Raises CommandFailedError."""
    profiles = {**read_profiles(), check_name(profile.name): profile}
    return _write(profiles)


def delete_profile(name: str) -> None:
    """Deletes a profile and its key. Raises CommandFailedError if it does not exist."""
    find_profile(name)
    _write({each: profile for each, profile in read_profiles().items() if each != name})


def _write(profiles: dict[str, Profile]) -> Path:
    parser = _parser()
    for name, profile in sorted(profiles.items()):
        parser[name] = {"url": profile.url, **({"key": profile.key} if profile.key else {})}
    path = config_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Created with mode 0600 and renamed when it is complete, so that readers see the old file or the new one.
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
    """Returns a parser that reads values literally, and has no default section."""
    return configparser.ConfigParser(
        interpolation=None, delimiters=("=",), comment_prefixes=("#",), default_section="\x00"
    )
