"""Labels of periods and amounts, for the table, the contents and the bookmarks."""

from __future__ import annotations

from decimal import Decimal

from resma.i18n.locales import Locale
from resma.i18n.translations import translate


def name_period(label: str | None, locale: Locale) -> str:
    """Returns the name of a period: a day, a month or a year in the locale's format."""
    if label is None:
        return translate("Without date", locale.language)
    if len(label) == len("2024-03"):
        return locale.month_name(label)
    return locale.format_date(label)


def format_amount(amount: Decimal, locale: Locale) -> str:
    """Returns an amount with all digits. NaN and Infinity are unchanged."""
    return locale.format_number(f"{amount:f}")
