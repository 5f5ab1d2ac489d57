"""docs/architecture.md names the packages and tables that exist, and the packages that write each table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from infra.paths import ROOT

PAGE = ROOT / "docs" / "architecture.md"
TEXT = PAGE.read_text(encoding="utf-8")

PARENTS = ("functions", "functions/resma", "functions/api", "infra", "tests")
"""Folders whose packages the page must list."""

MIGRATIONS = (ROOT / "infra" / "postgres" / "migrations", ROOT / "infra" / "demo" / "migrations")

CALLER_OF_SQL_FUNCTIONS = "resma.access"
"""The package that calls the database functions of migrations, and therefore writes their tables."""

CHANGES = {"INSERT INTO": "inserted", "UPDATE": "changed", "DELETE FROM": "changed"}

Writers = Mapping[str, Mapping[str, set[str]]]
"""Packages that write, by table and kind of change."""


def table_rows(heading: str) -> Iterator[list[str]]:
    """Yields the rows of cells of the first table below a heading, without the header row."""
    lines = iter(TEXT.partition(f"\n## {heading}\n")[2].splitlines())
    rows = [line for line in first_table(lines) if not line.startswith("|--")]
    for row in rows[1:]:
        yield [cell.strip() for cell in row.strip("|").split("|")]


def first_table(lines: Iterator[str]) -> Iterator[str]:
    """Yields the lines of the first table."""
    is_in_table = False
    for line in lines:
        if line.startswith("|"):
            is_in_table = True
            yield line
        elif is_in_table:
            return


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def folders(parent: str) -> set[str]:
    """Returns the subfolders that contain files other than compiled Python."""
    candidates = (path for path in (ROOT / parent).iterdir() if path.is_dir() and path.name[0] not in "._")
    return {
        path.relative_to(ROOT).as_posix()
        for path in candidates
        if any(each.is_file() and "__pycache__" not in each.parts for each in path.rglob("*"))
    }


def package_of(path: Path) -> str:
    """Returns the package of a file in the page's form: `resma.jobs` for functions/resma/jobs/claim.py."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "functions":
        parts = parts[1:]
    depth = 2 if parts[0] in {"resma", "api", "infra"} and len(parts) > 2 else 1
    return ".".join(parts[:depth])


def find_writers() -> Writers:
    """Returns the packages that write each table, from the SQL in code and in functions of the database."""
    writers: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    sources = {path: path.read_text(encoding="utf-8") for top in ("functions", "infra") for path in python_and_sql(top)}
    for path, text in sources.items():
        for change, table in statements(text):
            writers[table][change].add(package_of(path))
    for path in migration_files():
        for body in re.findall(r"CREATE FUNCTION.*?AS \$\$(.*?)\$\$;", path.read_text(encoding="utf-8"), re.DOTALL):
            for change, table in statements(body):
                writers[table][change].add(CALLER_OF_SQL_FUNCTIONS)
    return writers


def python_and_sql(top: str) -> Iterator[Path]:
    for path in (ROOT / top).rglob("*"):
        if path.suffix in {".py", ".sql"} and path.is_file() and path.parent not in MIGRATIONS:
            yield path


def migration_files() -> list[Path]:
    return [path for folder in MIGRATIONS for path in sorted(folder.glob("*.sql"))]


def statements(text: str) -> Iterator[tuple[str, str]]:
    for keyword, table in re.findall(r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+((?:resma|bank)\.\w+)", text):
        yield CHANGES[keyword], table
        if keyword == "INSERT INTO" and re.search(rf"INSERT INTO {re.escape(table)}\b[^;\"]*?DO UPDATE", text):
            yield "changed", table


def tables_of_migrations() -> set[str]:
    """Returns the tables that exist after all migrations."""
    tables: set[str] = set()
    for path in migration_files():
        text = path.read_text(encoding="utf-8")
        tables |= set(re.findall(r"^CREATE (?:UNLOGGED )?TABLE ([\w.]+)", text, re.MULTILINE))
        tables -= set(re.findall(r"^DROP TABLE ([\w.]+)", text, re.MULTILINE))
    return tables


@pytest.mark.parametrize("parent", PARENTS)
def test_the_page_lists_the_packages_that_exist(parent: str) -> None:
    listed = [name for row in table_rows("Packages") for name in code(row[0])]
    assert len(set(listed)) == len(listed)
    assert {name for name in listed if name.rpartition("/")[0] == parent} == folders(parent)


def test_the_page_describes_each_package() -> None:
    for row in table_rows("Packages"):
        if code(row[0]):
            assert len(row[1]) > 8, row


def test_the_page_lists_the_tables_that_exist() -> None:
    listed = [name for row in table_rows("Tables") for name in code(row[0])]
    assert sorted(listed) == sorted(tables_of_migrations())


def test_the_page_names_the_packages_that_write_each_table() -> None:
    writers = find_writers()
    for table, _, inserted, changed in table_rows("Tables"):
        (name,) = code(table)
        assert set(code(inserted)) == writers[name]["inserted"], name
        assert set(code(changed)) == writers[name]["changed"], name
