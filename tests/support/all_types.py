"""Tables with columns of all types of Postgres, and values at the limits of each type."""

from __future__ import annotations

from collections.abc import Mapping

SCHEMA = "all_types"

PREPARATION = """
    DROP SCHEMA IF EXISTS all_types CASCADE;
    CREATE SCHEMA all_types;
    SET search_path = all_types, public;
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE TYPE address AS (street text, number integer, since date);
    CREATE DOMAIN price AS numeric(10, 2) CHECK (VALUE >= 0);
    CREATE DOMAIN code AS text;
"""

Columns = Mapping[str, tuple[str, list[str]]]
"""By name: the type, and values as SQL expressions. All columns of a table have equally many values."""

TABLES: Mapping[str, Columns] = {
    "whole_numbers": {
        "a": ("smallint", ["-32768", "0", "32767", "NULL"]),
        "b": ("integer", ["-2147483648", "0", "2147483647", "NULL"]),
        "c": ("bigint", ["-9223372036854775808", "9007199254740993", "9223372036854775807", "NULL"]),
    },
    "limited_numerics": {
        "a": ("numeric(18, 2)", ["1234567890123456.78", "-0.01", "0", "NULL"]),
        "b": ("numeric(5, 0)", ["99999", "-1", "0", "NULL"]),
        "c": ("numeric(38, 30)", ["12345678.123456789012345678901234567890", "0", "-1", "NULL"]),
    },
    "odd_numerics": {
        "a": ("numeric(6, -2)", ["123400", "-500", "NULL"]),
        "b": ("numeric(3, 5)", ["0.00123", "-0.00999", "NULL"]),
    },
    "plain_numerics": {
        "a": ("numeric", ["48", "1456.5", "9.50", "0.000000001", "-0.1", "NULL"]),
    },
    "infinite_numerics": {
        "a": ("numeric", ["'NaN'", "'Infinity'", "'-Infinity'", "1.5"]),
    },
    "long_numerics": {
        "a": ("numeric", ["1234567890123456789012345678901234567890.5", "1", "NULL"]),
    },
    "cash": {
        "a": ("money", ["1234.56", "-0.01", "92233720368547758.07", "NULL"]),
    },
    "reals": {
        "a": ("real", ["0.1", "123456.79", "1e-45", "3.4028235e38", "1e10", "'NaN'", "'Infinity'", "'-0'", "NULL"]),
    },
    "doubles": {
        "a": (
            "double precision",
            [
                "0.1",
                "0.30000000000000004",
                "12345678901234568",
                "5e-324",
                "1.7976931348623157e308",
                "1e15",
                "123456789012345",
                "0.0001",
                "0.00001",
                "'NaN'",
                "'Infinity'",
                "'-Infinity'",
                "'-0'",
                "NULL",
            ],
        ),
    },
    "booleans": {
        "a": ("boolean", ["true", "false", "NULL"]),
        "b": ("boolean", ["NULL", "NULL", "true"]),
    },
    "strings": {
        "a": ("text", ["'São Paulo'", "''", "'a;b,c'", "'\"x\"'", "NULL"]),
        "b": ("varchar(10)", ["'x'", "'NULL'", "'0123'", "'=1+1'", "''"]),
        "c": ("char(5)", ["'ab'", "'abcde'", "''", "NULL", "'1.10'"]),
    },
    "names": {
        "a": ("name", ["'pg_class'", "'x'"]),
        "b": ('"char"', ["'r'", "'v'"]),
    },
    "bytes": {
        "a": ("bytea", ["'\\x'", "'\\xdeadbeef'", "'\\x00'", "'abc'", "NULL"]),
    },
    "days": {
        "a": ("date", ["'2024-02-29'", "'1900-01-01'", "'0001-01-01'", "'9999-12-31'", "NULL"]),
    },
    "odd_days": {
        "a": ("date", ["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'12345-06-07'", "'2024-01-01'"]),
    },
    "local_timestamps": {
        "a": (
            "timestamp",
            ["'2024-03-31 02:30'", "'1900-03-01'", "'9999-12-31 23:59:59.999999'", "'0001-01-01'", "NULL"],
        ),
        "b": ("timestamp(0)", ["'2024-01-01 12:34:56'", "'1969-12-31 23:59:59'", "'2024-10-27 02:30'", "NULL", "NULL"]),
    },
    "odd_local_timestamps": {
        "a": ("timestamp", ["'infinity'", "'-infinity'", "'0044-03-15 10:00 BC'", "'2024-01-01'"]),
    },
    "instants": {
        "a": (
            "timestamptz",
            ["'2024-07-01 12:00+00'", "'2024-01-01 00:00:00.123+05:30'", "'1900-06-01 00:00+00'", "NULL"],
        ),
    },
    "odd_instants": {
        "a": ("timestamptz", ["'infinity'", "'-infinity'", "'0044-03-15 10:00 BC'", "'2024-01-01 00:00+00'"]),
    },
    "times": {
        "a": ("time", ["'00:00'", "'07:30:15.5'", "'23:59:59.999999'", "NULL"]),
        "b": ("timetz", ["'12:00+02'", "'00:00-08'", "NULL", "NULL"]),
    },
    "end_of_day": {
        "a": ("time", ["'24:00'", "'12:00'", "NULL"]),
    },
    "intervals": {
        "a": (
            "interval",
            [
                "'1 year 2 mons 3 days 04:05:06.789'",
                "'5 min 43.719 s'",
                "'0'",
                "'-1 day +02:03'",
                "'26 hours'",
                "'-0.5 s'",
                "'1 mon'",
                "'40 days'",
                "NULL",
            ],
        ),
    },
    "infinite_intervals": {
        "a": ("interval", ["'infinity'", "'-infinity'", "'1 hour'"]),
    },
    "uuids": {
        "a": ("uuid", ["'123e4567-e89b-12d3-a456-426614174000'", "'00000000-0000-0000-0000-000000000000'", "NULL"]),
    },
    "documents": {
        "a": ("json", ['\'{"a":  [1, 2.50], "a": null}\'', "'\"x\"'", "'null'", "NULL"]),
        "b": ("jsonb", ['\'{"b": 1e40, "c": "é"}\'', "'[]'", "'1.10'", "NULL"]),
    },
    "moods": {
        "a": ("mood", ["'happy'", "'sad'", "NULL"]),
        "b": ("price", ["12.5", "0", "NULL"]),
        "c": ("code", ["'x'", "'01'", "NULL"]),
    },
    "addresses": {
        "a": (
            "address",
            ["ROW('Rua \"A\"', 5, '2024-01-01')", "ROW(NULL, NULL, NULL)", "ROW('x', NULL, NULL)", "NULL"],
        ),
    },
    "arrays": {
        "a": ("integer[]", ["'{1,2,NULL}'", "'{}'", "'{{1,2},{3,4}}'", "NULL"]),
        "b": ("text[]", ['\'{"a,b","\\"","é"}\'', "'{NULL}'", "'{\"\"}'", "NULL"]),
        "c": ("double precision[]", ["'{0.1,NaN,Infinity}'", "'{1e300}'", "'{}'", "NULL"]),
    },
    "arrays_of_types": {
        "a": ("mood[]", ["'{sad,ok}'", "NULL"]),
        "b": ("timestamptz[]", ["'{2024-01-01 00:00+00}'", "NULL"]),
        "c": ("address[]", ["ARRAY[ROW('a', 1, NULL)::address]", "NULL"]),
    },
    "networks": {
        "a": ("inet", ["'10.0.0.1'", "'::1/64'", "NULL"]),
        "b": ("cidr", ["'10.0.0.0/8'", "'fe80::/10'", "NULL"]),
        "c": ("macaddr", ["'08:00:2b:01:02:03'", "'ff:ff:ff:ff:ff:ff'", "NULL"]),
    },
    "bits": {
        "a": ("bit(4)", ["B'1010'", "B'0000'", "NULL"]),
        "b": ("bit varying", ["B'1'", "B''", "NULL"]),
    },
    "shapes": {
        "a": ("point", ["'(1,2.5)'", "'(0.1,-3)'", "NULL"]),
        "b": ("polygon", ["'((0,0),(1,1),(1,0))'", "'((0,0))'", "NULL"]),
        "c": ("circle", ["'<(0,0),1>'", "'<(1,2),0.5>'", "NULL"]),
    },
    "ranges": {
        "a": ("int4range", ["'[1,5)'", "'empty'", "NULL"]),
        "b": ("tsrange", ["'[2024-01-01,2024-01-02)'", "'(,)'", "NULL"]),
        "c": ("int8multirange", ["'{[1,3),[5,7)}'", "'{}'", "NULL"]),
    },
    "searches": {
        "a": ("tsvector", ["'a:1 b:2'", "''", "NULL"]),
        "b": ("tsquery", ["'a & b'", "'!c'", "NULL"]),
    },
    "identifiers": {
        "a": ("oid", ["1259", "4294967295", "NULL"]),
        "b": ("pg_lsn", ["'16/B374D848'", "'0/0'", "NULL"]),
        "c": ("regclass", ["'pg_class'", "'pg_type'", "NULL"]),
    },
    "paths": {
        "a": ("jsonpath", ["'$.a[*] ? (@ > 1)'", "'strict $'", "NULL"]),
    },
    "odd_names": {
        "Order Date": ("date", ["'2024-01-01'", "NULL"]),
        "growth %": ("real", ["12.5", "NULL"]),
        'a "b"': ("integer", ["1", "NULL"]),
    },
}


def create_statements() -> str:
    """Returns the statements that create all tables with their rows, in the schema `SCHEMA`."""
    return PREPARATION + "".join(_create(name, columns) for name, columns in TABLES.items())


def quoted(name: str) -> str:
    """Returns a name as an SQL identifier."""
    return '"{}"'.format(name.replace('"', '""'))


def _create(table: str, columns: Columns) -> str:
    declared = ", ".join(f"{quoted(name)} {type_}" for name, (type_, _) in columns.items())
    rows = zip(*(values for _, values in columns.values()), strict=True)
    return (
        f"CREATE TABLE {table} (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {declared});\n"
        f"INSERT INTO {table} ({', '.join(map(quoted, columns))}) VALUES\n"
        + ",\n".join(f"({', '.join(row)})" for row in rows)
        + ";\n"
    )
