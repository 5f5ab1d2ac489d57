"""The folder of a catalog of one's own: `reports` with resma.toml."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.errors import StackError
from resma.catalog.folder import CATALOG_VARIABLE, DEMO_CATALOG, OWN_CATALOG, catalog_folder
from resma.catalog.settings.file import SETTINGS_FILE


class CatalogExistsError(StackError):
    """The folder already has a resma.toml, which is never overwritten."""

    code = "catalog-exists"


class NoCatalogError(StackError):
    """The folder of the catalog does not exist."""

    code = "no-catalog"


@dataclass(frozen=True)
class NewCatalog:
    """A catalog folder that was created."""

    folder: Path
    settings: Path


def new_catalog_folder(chosen: Path | None) -> Path:
    """Returns the folder that new report types are written to: never the demo catalog."""
    return Path(chosen or os.environ.get(CATALOG_VARIABLE) or OWN_CATALOG)


def existing_catalog(chosen: Path | None, source_url: str | None) -> Path:
    """Returns the folder of the catalog. The demo catalog, which is the default, is only for the demo bank.

    Raises NoCatalogError if the folder does not exist, or if a source is named and there is no catalog for it.
    """
    folder = catalog_folder(chosen)
    if source_url and not chosen and not os.environ.get(CATALOG_VARIABLE) and folder == DEMO_CATALOG:
        raise NoCatalogError(
            f"There is no ./{OWN_CATALOG} here. Run `resma init`, or name another folder with --catalog."
        )
    if not folder.is_dir():
        raise NoCatalogError(f"The catalog folder {folder} does not exist. Create it with `resma init`.")
    return folder


def is_catalog(folder: Path) -> bool:
    """Returns whether the folder has settings or report types already."""
    return (folder / SETTINGS_FILE).exists() or any(folder.glob("*/report.toml"))


def init_catalog(chosen: Path | None, tenants: Literal["required", "none"] = "none") -> NewCatalog:
    """Creates the folder with a resma.toml whose other settings are comments. Raises CatalogExistsError."""
    folder = new_catalog_folder(chosen)
    if (folder / SETTINGS_FILE).exists():
        raise CatalogExistsError(f"{folder / SETTINGS_FILE} exists already. Edit it, or name another folder.")
    if folder.exists() and not folder.is_dir():
        raise CatalogExistsError(f"{folder} is a file. Name another folder.")
    return NewCatalog(folder, write_settings(folder, tenants))


def write_settings(folder: Path, tenants: Literal["required", "none"]) -> Path:
    """Writes resma.toml, and creates the folder if it does not exist. Returns the path of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SETTINGS_FILE
    with path.open("x", encoding="utf-8") as file:
        file.write(_SETTINGS.format(tenants=tenants))
    return path


_SETTINGS = """\
# Settings of this catalog. Every key is optional; remove the # of those that you set.
# docs/report-types.md, docs/branding.md and docs/formats.md describe them.

# "none": the source database belongs to one organization, and every caller sees all rows.
# "required": each query selects the rows of one tenant with %(tenant_id)s.
tenants = "{tenants}"

# Language of strings that have no translations.
# language = "en"

# Name, logo (SVG or PNG, a path relative to this file), colors and footer of the files.
# [brand]
# name = "Northwind Traders"
# logo = "logo.svg"
# primary_color = "#0b5fff"
# accent_color = "#f2a900"
# footer = "Confidential"

# Parts of every PDF, unless a report type or a request sets them.
# [pdf]
# cover = true
# contents = true

# Dialect of CSV files, unless a request sets it.
# [csv]
# delimiter = ";"
# decimal_mark = ","

# Further locales: any of the CLDR.
# [locales.nl-NL]
"""
