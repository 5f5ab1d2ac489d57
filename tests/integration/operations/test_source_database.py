"""A source database of one's own: read with any role that can read, and refused with one clear error otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.deploy.source import SourceError, open_source
from infra.postgres.connect import DatabaseUrlError
from infra.servers.postgres import PostgresServer
from resma.database.connection import Database

ROLES = ("shop_reader", "shop_stranger")


@pytest.fixture(scope="module")
def shop(postgres: PostgresServer) -> Iterator[str]:
    """A database that Resma has never touched: host, port and name of it, as the end of a URL."""
    owner = postgres.url.rsplit("/", 1)[0]
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE shop")
        for role in ROLES:
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'p@ss/w:rd'")
    with psycopg.connect(f"{owner}/shop", autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (order_id integer PRIMARY KEY)")
        connection.execute("GRANT SELECT ON orders TO shop_reader")
    yield f"127.0.0.1:{postgres.port}/shop"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE shop WITH (FORCE)")
        for role in ROLES:
            connection.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_url_becomes_the_secret_of_the_functions(shop: str, scheme: str) -> None:
    source = open_source(
        f"{scheme}://shop_reader:p%40ss%2Fw%3Ard@{shop}?sslmode=allow&options=-c%20search_path%3Dpublic"
    )
    host, _, port = shop.removesuffix("/shop").partition(":")
    assert source.secret == {
        "host": host,
        "port": int(port),
        "dbname": "shop",
        "username": "shop_reader",
        "password": "p@ss/w:rd",
        "sslmode": "allow",
        "options": "-c search_path=public",
    }
    assert source.place == f"shop_reader@{shop}"
    assert "p@ss" not in source.place


def test_the_functions_connect_with_the_secret(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(f"postgres://shop_reader:p%40ss%2Fw%3Ard@{shop}?options=-c%20work_mem%3D5MB")
    monkeypatch.setattr("resma.database.connection.read_secret", lambda _arn: source.secret)
    connection = Database("arn", "test", "source-database").connect()
    assert connection.execute("SELECT current_user, current_setting('work_mem')").fetchone() == ("shop_reader", "5MB")
    connection.close()


def test_the_password_may_be_outside_of_the_url(shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:shop:shop_reader:{'p@ss/w:rd'.replace(':', chr(92) + ':')}\n", encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    assert open_source(f"postgresql://shop_reader@{shop}").secret["password"] == "p@ss/w:rd"


@pytest.mark.parametrize(
    ("user", "options", "says"),
    [
        ("shop_reader:wrong", "", "password authentication failed .*Check the user and the password"),
        ("shop_reader", "", "no password supplied. Check the user and the password"),
        ("shop_reader:p%40ss%2Fw%3Ard", "x", 'database "shopx" does not exist. Check the name of the database'),
        ("shop_reader:p%40ss%2Fw%3Ard", "?sslmode=require", "does not support SSL.* Check the TLS options"),
        ("shop_reader:p%40ss%2Fw%3Ard", "?sslmode=on", 'invalid sslmode value: "on". Check the TLS options'),
    ],
)
def test_a_refused_connection_has_one_error_with_a_remedy(shop: str, user: str, options: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        open_source(f"postgresql://{user}@{shop}{options}")
    assert "p@ss" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://a:hush@b/c",
        "postgresql://a:hush@b/c?sslmode",
        "host=b password=hush",
        "postgresql://a:12/hush@b/c",
        "postgresql://a:x?y/hush@b/c",
        "postgresql://a:b@hush@c/d",
        "postgresql://a:b\0hush@c/d",
        "postgresql://a:b@c:hush/d",
        "postgresql://a:b@c/d?connect_timeout=hush",
    ],
)
def test_a_url_that_is_not_valid_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match="URL of the database") as caught:
        open_source(url)
    assert "hush" not in str(caught.value)


def test_an_unreachable_server_is_named() -> None:
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:1/shop .*refused\. Check the host and the port"):
        open_source("postgresql://reader:x@127.0.0.1:1/shop")


def test_a_role_that_can_read_no_table_gets_the_grants_to_paste(shop: str) -> None:
    with pytest.raises(
        SourceError, match="The role shop_stranger can read no table of the source database shop"
    ) as caught:
        open_source(f"postgresql://shop_stranger:p%40ss%2Fw%3Ard@{shop}")
    assert str(caught.value).splitlines()[1:] == [
        'GRANT USAGE ON SCHEMA "public" TO "shop_stranger"; '
        'GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "shop_stranger";'
    ]


def test_a_relative_certificate_path_is_made_absolute(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = open_source(f"postgresql://shop_reader:p%40ss%2Fw%3Ard@{shop}?sslrootcert=ca.pem")
    assert source.secret["sslrootcert"] == str(tmp_path / "ca.pem")
