"""Profiles determine which API a command calls and with which key, and other users cannot read the keys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resma_cli import connection
from resma_cli.connection import ApiConfig, find_api_config
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.profiles import Profile, config_path, delete_profile, find_profile, read_profiles, save_profile

PRODUCTION = Profile("production", "https://reports.example", "rsm_prod_key")
DEFAULT = Profile("default", "https://default.example", "rsm_default_key")


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No deployment is named, no stack is up, and no profile exists."""
    for name in ("RESMA_URL", "RESMA_KEY", "RESMA_STACK", "RESMA_PROFILE", "RESMA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(connection, "ROOT", tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def write_state_file(folder: Path) -> None:
    """Writes the state file of a running stack of this checkout."""
    state = folder / ".resma" / "local"
    state.mkdir(parents=True)
    (state / "state.json").write_text('{"api_url": "http://localhost:3008"}', encoding="ascii")


def test_a_saved_profile_is_found_with_its_key() -> None:
    save_profile(PRODUCTION)
    assert find_api_config(None, None, "production") == ApiConfig(PRODUCTION.url, "rsm_prod_key", profile="production")
    assert "rsm_prod_key" not in repr(find_profile("production"))


@pytest.mark.parametrize("value", ["a%b", "a=b", "a:b", "#a", ";a", "[a]", "a\\b", "é"])
def test_values_are_read_as_they_were_saved(value: str) -> None:
    save_profile(Profile("p", f"https://x.example/{value}", f"k{value}"))
    assert find_profile("p") == Profile("p", f"https://x.example/{value}", f"k{value}")


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = save_profile(PRODUCTION)
    finally:
        os.umask(before)
    assert path == config_path() == tmp_path / "config" / "resma" / "config.ini"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["config.ini"], "no temporary file exists"


def test_a_file_with_keys_that_others_can_read_is_rejected() -> None:
    save_profile(PRODUCTION).chmod(0o640)
    with pytest.raises(CommandFailedError, match="chmod 600") as failed:
        find_api_config(None, None, "production")
    assert failed.value.exit_code is ExitCode.USAGE


def test_the_error_of_a_damaged_file_does_not_quote_it() -> None:
    path = save_profile(PRODUCTION)
    path.write_text("key = rsm_secret\n", encoding="ascii")
    with pytest.raises(CommandFailedError, match="is damaged") as failed:
        read_profiles()
    assert "rsm_secret" not in str(failed.value)
    assert failed.value.__cause__ is None


def test_profiles_are_independent_of_each_other() -> None:
    save_profile(DEFAULT)
    save_profile(PRODUCTION)
    save_profile(Profile("keyless", "https://keyless.example"))
    delete_profile("production")
    assert read_profiles() == {"default": DEFAULT, "keyless": Profile("keyless", "https://keyless.example")}
    with pytest.raises(CommandFailedError, match="The profiles are: default, keyless"):
        find_profile("production")


@pytest.mark.parametrize("name", ["", "a b", "a]", "../a", "-a", "a\n", "x" * 65])
def test_an_invalid_name_is_rejected(name: str) -> None:
    with pytest.raises(CommandFailedError):
        save_profile(Profile(name, "https://x.example"))
    assert not config_path().exists()


@pytest.mark.parametrize(
    ("url", "profile", "variables", "is_up", "expected"),
    [
        ("https://u.example", None, {"RESMA_URL": "https://e.example", "RESMA_PROFILE": "default"}, True, "u.example"),
        (None, "production", {"RESMA_URL": "https://e.example"}, True, "reports.example"),
        (None, None, {"RESMA_URL": "https://e.example", "RESMA_PROFILE": "production"}, True, "e.example"),
        (None, None, {"RESMA_PROFILE": "production"}, True, "reports.example"),
        (None, None, {}, True, "localhost:3008"),
        (None, None, {}, False, "default.example"),
    ],
)
def test_which_api_is_called(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    url: str | None,
    profile: str | None,
    variables: dict[str, str],
    is_up: bool,
    expected: str,
) -> None:
    save_profile(DEFAULT)
    save_profile(PRODUCTION)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if is_up:
        write_state_file(tmp_path)
    assert find_api_config(url, None, profile).url.partition("://")[2] == expected


def test_a_profiles_key_is_sent_only_to_its_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    save_profile(PRODUCTION)
    monkeypatch.setenv("RESMA_KEY", "rsm_env_key")
    assert find_api_config(None, None, "production").key == "rsm_prod_key"
    assert find_api_config("https://other.example", None).key == "rsm_env_key"
    with pytest.raises(CommandFailedError, match="exclude each other"):
        find_api_config("https://other.example", None, "production")
    save_profile(Profile("keyless", "https://keyless.example"))
    assert find_api_config(None, None, "keyless").key == "rsm_env_key"
    file = tmp_path / "key"
    file.write_text("rsm_file_key\n", encoding="ascii")
    assert find_api_config(None, file, "production").key == "rsm_file_key"


def test_an_unknown_profile_is_an_error() -> None:
    save_profile(DEFAULT)
    with pytest.raises(CommandFailedError, match="There is no profile `nope`"):
        find_api_config(None, None, "nope")


def test_a_profiles_key_is_not_sent_unencrypted() -> None:
    save_profile(Profile("p", "http://reports.example", "rsm_key"))
    with pytest.raises(CommandFailedError, match="unencrypted"):
        find_api_config(None, None, "p")
