"""Errors of settings name the variable, but never its value."""

from __future__ import annotations

import pytest

from resma.errors import SettingsInvalidError
from resma.settings import Settings, read_settings


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STAGE", raising=False)
    monkeypatch.setenv("DATABASE_SECRET_ARN", "arn:very-secret")
    with pytest.raises(SettingsInvalidError, match="STAGE: Field required") as caught:
        read_settings(Settings)
    assert "very-secret" not in str(caught.value)


def test_an_empty_variable_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "")
    monkeypatch.setenv("DATABASE_SECRET_ARN", "a")
    with pytest.raises(SettingsInvalidError, match="STAGE"):
        read_settings(Settings)


def test_settings_are_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("DATABASE_SECRET_ARN", "a")
    settings = read_settings(Settings)
    with pytest.raises(ValueError, match="frozen"):
        settings.stage = "x"
