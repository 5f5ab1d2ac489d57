"""The settings and locales of the catalog that this process uses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from resma.catalog.current import current_catalog
from resma.catalog.settings import locales as locale_settings
from resma.catalog.settings.file import CatalogSettings
from resma.i18n.locales import Language, Locale
from resma.report.brand import Brand
from resma.request_errors import FieldError, RequestInvalidError


def settings_in_use() -> CatalogSettings:
    """Returns the settings of the catalog in use; the defaults if its resma.toml has errors."""
    return current_catalog().settings


def settings_fingerprint() -> str:
    """Returns a hash of the settings and the logo in use. If it is the same, they make the same files."""
    catalog = current_catalog()
    return hashlib.sha256(f"{catalog.settings.model_dump_json()}\0{catalog.logo}".encode()).hexdigest()


def brand_in_use(language: Language) -> Brand:
    """Returns the brand of the catalog in use, in a language."""
    catalog = current_catalog()
    settings = catalog.settings.brand
    return Brand(
        primary=settings.primary_color and settings.primary_color[1:],
        accent=settings.accent_color and settings.accent_color[1:],
        footer=settings.footer.in_language(language) if settings.footer else None,
        legal=settings.legal.in_language(language) if settings.legal else None,
        logo=catalog.logo,
    )


def organization_of(tenant_name: str) -> str:
    """Returns the organization that files name: the tenant, or the brand if the catalog is of one organization."""
    settings = settings_in_use()
    return settings.brand.name if settings.tenants == "none" and settings.brand.name else tenant_name


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
