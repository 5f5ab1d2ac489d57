"""What the names of columns and tables say: their words, and which columns are sums, events or personal data."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set

from resma.report.header import Kind

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SUMS = _words(
    "amount amounts charge charges commission cost costs debit credit fee fees freight gross net paid payment profit "
    "quantity qty revenue salary sales sum tax total turnover vat"
)
_SUMS_IF_EXACT = _words("value values")
_NOT_SUMS = _words(
    "average avg balance code discount factor id key limit max maximum mean min minimum no number pct percent "
    "percentage price rank rate ratio score unit version year"
)
_NOT_EVENTS = _words(
    "birth birthday born cancelled changed closed deleted deletion due end ended expires expiry last modified "
    "required resolved shipped until update updated valid"
)
_PERSONAL = _words(
    "address birth birthday email fax firstname iban lastname mobile phone photo salary ssn street surname"
)
_LONG = _words("address bio body comment comments description message reason text")


def words_of(name: str) -> list[str]:
    """Returns the words of a name in lower case.

    >>> words_of("order_date"), words_of("BillingCountry"), words_of("Order Date")
    (['order', 'date'], ['billing', 'country'], ['order', 'date'])
    """
    return [word.lower() for word in _WORD.findall(name)]


def slug(name: str) -> str:
    """Returns a name of lower-case letters, digits and `_`, which starts with a letter.

    >>> slug("BillingCountry"), slug("discount %"), slug("Größe"), slug("2nd")
    ('billing_country', 'discount', 'grosse', 'x_2_nd')
    """
    plain = unicodedata.normalize("NFKD", "_".join(words_of(name)).casefold())
    text = re.sub(r"[^a-z0-9]+", "_", re.sub(r"[\u0300-\u036f]", "", plain)).strip("_") or "x"
    return text if text[0].isalpha() else f"x_{text}"


def title_of(name: str) -> str:
    """Returns a title of a table's name: `Order details` of `order_details` and of `OrderDetails`."""
    words = " ".join(words_of(name)) or name
    return words[0].upper() + words[1:]


def is_sum(name: str, kind: Kind) -> bool:
    """Returns whether values of the column can probably be added up: amounts, but not prices, rates or measurements."""
    return (_has(name, _SUMS) or (kind == "amount" and _has(name, _SUMS_IF_EXACT))) and not _has(name, _NOT_SUMS)


def is_event(name: str) -> bool:
    """Returns whether the date is probably that of the row itself, and not one that changes or lies ahead."""
    return not _has(name, _NOT_EVENTS)


def is_currency(name: str) -> bool:
    """Returns whether the column probably has currency codes."""
    return words_of(name)[-1:] == ["currency"] or words_of(name)[-2:] == ["currency", "code"]


def may_be_personal(name: str) -> bool:
    """Returns whether the column probably has data about a person."""
    return _has(name, _PERSONAL) or words_of(name)[:2] in (["first", "name"], ["last", "name"])


def is_long(name: str) -> bool:
    """Returns whether the column probably has values of several lines."""
    return _has(name, _LONG)


def _has(name: str, words: Set[str]) -> bool:
    return not words.isdisjoint(words_of(name))
