"""The SQL conditions of a keyset, compared with a model of the order in Postgres."""

from __future__ import annotations

from resma.catalog import SortKey
from resma.snapshot.keyset import Key


def keys(*names: str) -> tuple[SortKey, ...]:
    return tuple(map(SortKey.model_validate, names))


KEY = Key(keys("booked_at", "id"), ("timestamp with time zone", "bigint"), (b"2024-01-01 00:00:00+00", b"7"))


def test_an_index_can_use_the_bound_on_the_first_column() -> None:
    assert KEY.comes_after(nulls=False).as_string() == (
        'report."booked_at" >= %(resma.key_0)s::timestamp with time zone AND ('
        '(report."booked_at" > %(resma.key_0)s::timestamp with time zone OR report."booked_at" IS NULL) OR '
        'report."booked_at" = %(resma.key_0)s::timestamp with time zone AND '
        '(report."id" > %(resma.key_1)s::bigint OR report."id" IS NULL))'
    )


def test_a_first_column_with_nulls_has_no_bound() -> None:
    assert ">=" not in KEY.comes_after(nulls=True).as_string()


def test_after_a_null_come_only_nulls() -> None:
    key = Key(keys("a", "b"), ("text", "text"), (None, b"x"))
    assert key.comes_after(nulls=True).as_string() == (
        'report."a" IS NULL AND (report."a" IS NULL AND (report."b" > %(resma.key_1)s::text OR report."b" IS NULL))'
    )
    assert key.values() == {"resma.key_1": "x"}
    assert Key(keys("a"), ("text",), (None,)).comes_after(nulls=True).as_string() == 'report."a" IS NULL AND false'


def test_the_row_itself() -> None:
    key = Key(keys("a", "b"), ("text", "bigint"), (None, b"7"))
    assert key.matches().as_string() == 'report."a" IS NULL AND report."b" = %(resma.key_1)s::bigint'


def test_in_a_descending_column_nulls_come_first() -> None:
    types = ("text", "bigint")
    assert Key(keys("-a", "b"), types, (b"x", b"7")).comes_after(nulls=True).as_string() == (
        'report."a" <= %(resma.key_0)s::text AND (report."a" < %(resma.key_0)s::text OR '
        'report."a" = %(resma.key_0)s::text AND (report."b" > %(resma.key_1)s::bigint OR report."b" IS NULL))'
    )
    assert Key(keys("-a", "-b"), types, (None, b"7")).comes_after(nulls=True).as_string() == (
        '(report."a" IS NOT NULL OR report."a" IS NULL AND report."b" < %(resma.key_1)s::bigint)'
    )
