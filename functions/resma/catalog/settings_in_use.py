"""The settings and locales of the catalog that this process uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from resma.catalog import locale_settings
from resma.catalog.current import current_catalog
from resma.catalog.settings_file import CatalogSettings
from resma.errors import FieldError, RequestInvalidError
from resma.i18n.locales import Locale


def settings_in_use() -> CatalogSettings:
    """Returns the settings of the catalog in use; the defaults if its resma.toml has errors."""
    return current_catalog().settings


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
