"""The tables `[locales.TAG]` of resma.toml: further locales of the CLDR, and changes to the formats of any locale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from resma.i18n.locales import DEFAULT_LOCALE, LOCALES, Locale, Weekday, cldr_locale

_NO_BREAK_SPACE = "\u00a0"


class LocaleSettings(BaseModel):
    """Formats of one locale that differ from those of the CLDR. An empty table only adds the locale."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decimal: Literal[".", ","] | None = None
    """Decimal mark."""
    group: Literal[".", ",", " ", "'", "’", ""] | None = None
    """Separator of thousands. The space is a no-break space, and the empty string separates nothing."""
    date: Literal["D/M/Y", "D.M.Y", "D-M-Y", "M/D/Y", "Y-M-D", "Y/M/D", "Y.M.D"] | None = None
    """Order of day, month and year, with the separator between them."""
    list_separator: Literal[",", ";"] | None = None
    """Separator of the fields of a CSV file for Excel."""
    week_starts_on: Weekday | None = None
    paper: Literal["A4", "Letter"] | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.decimal is not None and self.decimal == self.group:
            raise ValueError("`decimal` and `group` must be different characters.")
        return self

    def apply_to(self, locale: Locale) -> Locale:
        """Returns the locale with these formats."""
        changes = self.model_dump(exclude_none=True)
        if self.group == " ":
            changes["group"] = _NO_BREAK_SPACE
        if self.decimal and "list_separator" not in changes:
            changes["list_separator"] = ";" if self.decimal == "," else ","
        if self.decimal and self.decimal == changes.get("group", locale.group):
            changes["group"] = "." if self.decimal == "," else ","
        return replace(locale, **changes)


def _require_known(locales: dict[str, LocaleSettings]) -> dict[str, LocaleSettings]:
    unknown = [tag for tag in locales if cldr_locale(tag) is None]
    if unknown:
        names = " and ".join(repr(tag) for tag in unknown)
        raise ValueError(f"The CLDR has no locale {names}. Use a language and a country, like 'nl-NL' or 'fr-CA'.")
    return locales


LocaleTables = Annotated[dict[str, LocaleSettings], AfterValidator(_require_known)]
"""The table `locales`: settings by the tag of the locale."""


def locales_with(settings: Mapping[str, LocaleSettings]) -> Mapping[str, Locale]:
    """Returns the built-in locales and those of the settings, by tag."""
    added = {tag: own.apply_to(locale) for tag, own in settings.items() if (locale := cldr_locale(tag))}
    return {**LOCALES, **added}


def find_locale(tag: str, settings: Mapping[str, LocaleSettings]) -> Locale:
    """Returns the locale of a stored report, even if its table was removed from resma.toml after the request."""
    return locales_with(settings).get(tag) or cldr_locale(tag) or DEFAULT_LOCALE
