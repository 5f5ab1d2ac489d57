"""Settings of a catalog: the file `resma.toml` beside the folders of its report types.

All keys are optional, and so is the file. A new table is a model here; its keys, errors and lines follow from it.
"""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

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
        shape = list(find_shape_errors(error, CatalogSettings, described))
        logo = _logo_of(described) if all(item.key_path[:2] != _LOGO for item in shape) else None
        return None, with_lines([*shape, *_logo_errors(logo, folder)], text, SETTINGS_FILE)
    if errors := list(_logo_errors(settings.brand.logo, folder)):
        return None, with_lines(errors, text, SETTINGS_FILE)
    return settings, []


_LOGO = ("brand", "logo")


def _logo_of(described: Mapping[str, Any]) -> str | None:
    """Returns the path of the logo in a document that may have errors elsewhere."""
    brand = described.get("brand")
    logo = brand.get("logo") if isinstance(brand, Mapping) else None
    return logo if isinstance(logo, str) else None


def _logo_errors(logo: str | None, folder: Path) -> Iterator[Diagnostic]:
    if logo:
        try:
            read_logo(folder / logo)
        except LogoError as error:
            yield Diagnostic(str(error), _LOGO)


def valid_settings(folder: Path) -> CatalogSettings:
    """Returns the settings of a resma.toml that may have errors, to check report types without errors that follow.

    Keys with errors have their defaults. If the file or its `tenants` cannot be read, no tenant is required. Reports
    are never generated with these settings.
    """
    settings, _ = check_settings(folder)
    if settings is not None:
        return settings
    valid: dict[str, Any] = {"tenants": "none"}
    for key, value in _readable(folder).items():
        with contextlib.suppress(ValidationError):
            CatalogSettings.model_validate({key: value}, context={"language": DEFAULT_LANGUAGE})
            valid[key] = value
    try:
        return CatalogSettings.model_validate(valid, context={"language": str(valid.get("language", DEFAULT_LANGUAGE))})
    except ValidationError:  # keys that are valid alone, but not together
        together = {key: value for key, value in valid.items() if key in {"tenants", "language"}}
        return CatalogSettings.model_validate(together)


def _readable(folder: Path) -> dict[str, Any]:
    try:
        described = tomllib.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    return {"tenants": "required", **described}
