"""Periods and amounts as the table, the contents and the bookmarks write them."""

from __future__ import annotations

from resma.i18n.locales import Locale
from resma.i18n.translations import translate
from resma.report.header import Total


def name_period(label: str | None, locale: Locale) -> str:
    """A period as people say it: a day, a month or a year."""
    if label is None:
        return translate("Without date", locale.language)
    if len(label) == len("2024-03"):
        return locale.month_name(label)
    return locale.format_date(label)


def format_amount(total: Total, locale: Locale) -> str:
    """An amount with every digit; NaN and Infinity as they are."""
    return locale.format_number(f"{total.amount:f}")
