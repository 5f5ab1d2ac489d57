"""Values for the settings of a function that have no default."""

from __future__ import annotations

import pytest

from resma.settings import Settings


def set_required(model: type[Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the environment variable of each required setting to a value of its type."""
    for name, field in model.model_fields.items():
        if field.is_required():
            monkeypatch.setenv(name.upper(), "1" if field.annotation is int else "x")
