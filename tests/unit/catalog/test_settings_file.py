"""The settings of a catalog in resma.toml: defaults, and errors with their lines and remedies."""

from __future__ import annotations

from pathlib import Path

import pytest

from resma.catalog import CatalogSettings, load_settings
from resma.errors import CatalogInvalidError


def _load(folder: Path, text: str) -> CatalogSettings:
    (folder / "resma.toml").write_text(text, encoding="utf-8")
    return load_settings(folder)


def test_a_catalog_without_the_file_has_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert (settings.language, settings.tenants, settings.brand.name) == ("en", "required", None)


def test_the_settings_are_those_of_the_file(tmp_path: Path) -> None:
    settings = _load(tmp_path, 'language = "pt"\ntenants = "none"\n[brand]\nname = "Northwind Traders"\n')
    assert (settings.language, settings.tenants, settings.brand.name) == ("pt", "none", "Northwind Traders")


def test_all_errors_are_reported_at_once_with_lines_and_remedies(tmp_path: Path) -> None:
    text = 'language = "English"\ntenant = "none"\n[brand]\nnme = "x"\ntenants = "none"\nname = ""\n'
    with pytest.raises(CatalogInvalidError) as raised:
        _load(tmp_path, text)
    file = tmp_path / "resma.toml"
    assert str(raised.value).splitlines() == [
        f"{file}:1: `language` must not be 'English'. It must be the code of a language, like 'en' or 'pt-BR'.",
        f"{file}:2: The key `tenant` is unknown. Use 'tenants'.",
        f"{file}:4: `brand`: The key `nme` is unknown. Use 'name'.",
        f"{file}:5: `brand`: The key `tenants` belongs to the top of the file. Move it above the first table header.",
        f"{file}:6: `brand`: `name` must not be ''. It must not be empty.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('language = "en\n', "resma.toml:1: The file is not valid TOML."),
        ('tenants = "optional"\n', "resma.toml:1: `tenants` must not be 'optional'. Use one of required, none."),
        (
            'brand = "Northwind"\n',
            "`brand` must not be 'Northwind'. It must be a table, like { key = value }.",
        ),
    ],
)
def test_an_error_names_its_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CatalogInvalidError) as raised:
        _load(tmp_path, text)
    assert message in str(raised.value)
