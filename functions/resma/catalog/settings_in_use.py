"""The settings and locales of the catalog that this process uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from resma.catalog import locale_settings
from resma.catalog.folder import catalog_folder
from resma.catalog.settings_file import SETTINGS_FILE, CatalogSettings, load_settings
from resma.errors import FieldError, RequestInvalidError
from resma.i18n.locales import Locale


def settings_in_use() -> CatalogSettings:
    """Returns the settings of the catalog in use. The file is read again after it has changed.

    Raises CatalogInvalidError.
    """
    folder = catalog_folder()
    file = folder / SETTINGS_FILE
    return _load(folder, file.stat().st_mtime_ns if file.exists() else None)


@lru_cache(maxsize=8)
def _load(folder: Path, _modified: int | None) -> CatalogSettings:
    return load_settings(folder)


def offered_locales() -> Mapping[str, Locale]:
    """Returns the locales in which reports can be requested, by tag: the built-in ones and those of resma.toml."""
    return locale_settings.locales_with(settings_in_use().locales)


def unknown_locale(offered: Iterable[str]) -> str:
    """Returns the error message for a locale in which no report can be requested."""
    return f"Unknown locale. It must be one of {', '.join(offered)}. resma.toml can add any other locale of the CLDR."


def require_locale(tag: str) -> Locale:
    """Returns a locale that a request names. Raises RequestInvalidError with the locales that are offered."""
    locales = offered_locales()
    if tag not in locales:
        raise RequestInvalidError.of([FieldError("/locale", unknown_locale(locales))])
    return locales[tag]


def find_locale(tag: str) -> Locale:
    """Returns the locale of a stored report, even if its table was removed from resma.toml after the request."""
    return locale_settings.find_locale(tag, settings_in_use().locales)
