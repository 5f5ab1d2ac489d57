"""Settings of a catalog: the file `resma.toml` beside the folders of its report types.

All keys are optional, and so is the file. A new table is a model here; its keys, errors and lines follow from it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from resma.catalog.diagnostics import Diagnostic
from resma.catalog.settings.brand import BrandSettings
from resma.catalog.settings.locales import LocaleTables
from resma.catalog.settings.logo import LogoError, read_logo
from resma.catalog.shape_errors import find_shape_errors, syntax_error, with_lines
from resma.catalog.texts import DEFAULT_LANGUAGE, require_language_code
from resma.errors import CatalogInvalidError
from resma.report.format_options import CsvDialect, PdfParts

SETTINGS_FILE: Literal["resma.toml"] = "resma.toml"

LanguageCode = Annotated[str, AfterValidator(require_language_code)]
"""Code of a language (BCP 47): `en`, `pt-BR`."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CatalogSettings(_Table):
    """The content of resma.toml."""

    language: LanguageCode = DEFAULT_LANGUAGE
    """Language of plain strings in the catalog. A string without a translation is shown in it."""
    tenants: Literal["required", "none"] = "required"
    """`required`: each query selects the rows of one tenant. `none`: the source database has one organization only."""
    brand: BrandSettings = BrandSettings()
    csv: CsvDialect = CsvDialect()
    """Dialect of CSV files, for options that a request does not set."""
    pdf: PdfParts = PdfParts()
    """Parts of PDF files, for options that neither a request nor the report type sets."""
    locales: LocaleTables = Field(default_factory=dict, validate_default=True)
    """Further locales, and changes to the formats of locales."""


def load_settings(folder: Path) -> CatalogSettings:
    """Returns the settings of a catalog folder; the defaults if it has no resma.toml. The result is not cached.

    Raises CatalogInvalidError with the file, line and remedy of each error.
    """
    settings, diagnostics = check_settings(folder)
    if settings is None:
        lines = [f"{folder / item.file}:{item.line}: {item.message}" for item in diagnostics]
        raise CatalogInvalidError("\n".join(lines))
    return settings


def check_settings(folder: Path) -> tuple[CatalogSettings | None, list[Diagnostic]]:
    """Reads resma.toml of a catalog folder. Returns the settings, or None and all errors, each with a line."""
    try:
        text = (folder / SETTINGS_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return CatalogSettings(), []
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return None, [Diagnostic("The file is not valid UTF-8. Save it as UTF-8.", file=SETTINGS_FILE, line=line)]
    except OSError as error:
        return None, [Diagnostic(f"The file cannot be read. {error.strerror}.", file=SETTINGS_FILE, line=1)]
    return _validated(text, folder)


def _validated(text: str, folder: Path) -> tuple[CatalogSettings | None, list[Diagnostic]]:
    try:
        described = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [syntax_error(error, text, SETTINGS_FILE)]
    language = described.get("language", DEFAULT_LANGUAGE)
    try:
        settings = CatalogSettings.model_validate(described, context={"language": str(language)})
    except ValidationError as error:
        return None, with_lines(find_shape_errors(error, CatalogSettings, described), text, SETTINGS_FILE)
    if errors := list(_logo_errors(settings, folder)):
        return None, with_lines(errors, text, SETTINGS_FILE)
    return settings, []


def _logo_errors(settings: CatalogSettings, folder: Path) -> Iterator[Diagnostic]:
    if settings.brand.logo:
        try:
            read_logo(folder / settings.brand.logo)
        except LogoError as error:
            yield Diagnostic(str(error), ("brand", "logo"))
