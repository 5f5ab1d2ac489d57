"""The catalog in use: its settings and report types, read once, and again after a change of its files.

A report type with errors does not affect the others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from resma.catalog.diagnostics import Diagnostic
from resma.catalog.folder import PACKAGED_CATALOG, catalog_folder
from resma.catalog.loading import check_folder
from resma.catalog.model import ReportType
from resma.catalog.settings.file import CatalogSettings, check_settings
from resma.catalog.settings.logo import LogoError, read_logo
from resma.catalog.short_form import type_of_folder
from resma.errors import CatalogInvalidError
from resma.report.brand import Logo
from resma.request_errors import FieldError, ReportTypeInvalidError, RequestInvalidError


@dataclass(frozen=True)
class InvalidType:
    """A folder of the catalog whose report type has errors, so that it cannot be generated."""

    type: str
    folder: Path
    diagnostics: tuple[Diagnostic, ...]
    """Errors of its files, or of resma.toml, each with a line."""

    def path_of(self, diagnostic: Diagnostic) -> str:
        """Returns the path of the file that has the error, relative to the folder of the catalog."""
        return diagnostic.file if diagnostic.file == "resma.toml" else f"{self.folder.name}/{diagnostic.file}"

    def lines(self) -> list[str]:
        """Returns the errors as lines: `orders/report.toml:3: …`."""
        return [f"{self.path_of(item)}:{item.line}: {item.message}" for item in self.diagnostics]


@dataclass(frozen=True)
class Catalog:
    """The report types of a folder, by name. No name is in both mappings."""

    types: Mapping[str, ReportType]
    invalid: Mapping[str, InvalidType]
    settings: CatalogSettings
    logo: Logo | None = None
    """The logo of the brand."""


_Fingerprint = tuple[tuple[str, int, int, int], ...]

_read: dict[Path, tuple[_Fingerprint | None, Catalog]] = {}

_Checked = tuple[ReportType | None, list[Diagnostic]]

_checked: dict[Path, tuple[_Fingerprint, CatalogSettings, _Checked]] = {}
"""Report types by folder, so that a change of one does not read all others again (20 ms each)."""

_held: ContextVar[Catalog | None] = ContextVar("_held", default=None)


@contextmanager
def hold_catalog() -> Iterator[None]:
    """Keeps the catalog in use for the duration of a context or of a function, even if its files change meanwhile.

    Otherwise, a file would be made of parts of two catalogs. Raises CatalogInvalidError if the folder does not exist.
    """
    token = _held.set(current_catalog())
    try:
        yield
    finally:
        _held.reset(token)


def current_catalog(folder: Path | None = None) -> Catalog:
    """Returns the catalog of a folder, by default of the one in use.

    It is read again after a change of a file, except in a deployed package, which does not change, and while it is held
    (`hold_catalog`). Raises CatalogInvalidError if the folder does not exist.
    """
    if folder is None and (held := _held.get()) is not None:
        return held
    folder = folder or catalog_folder()
    # The fingerprint is older than the content, so a change during the reading is noticed by the next call.
    fingerprint = None if folder == PACKAGED_CATALOG else _fingerprint_of(folder)
    found = _read.get(folder)
    if found is None or found[0] != fingerprint:
        found = _read[folder] = (fingerprint, read_catalog(folder))
    return found[1]


def load_catalog(folder: Path | None = None) -> Mapping[str, ReportType]:
    """Returns the valid report types of a folder, by name; by default those of the catalog in use."""
    return current_catalog(folder).types


def find_report_type(name: str) -> ReportType:
    """Returns the report type of that name.

    Raises RequestInvalidError, which names the types that exist; ReportTypeInvalidError if the type has errors.
    """
    catalog = current_catalog()
    if name in catalog.types:
        return catalog.types[name]
    if name in catalog.invalid:
        errors = catalog.invalid[name].lines()
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        detail = f"The report type {name} has errors in the catalog and cannot be generated: {errors[0]}{more}"
        raise ReportTypeInvalidError.of([FieldError("/type", detail)])
    known = ", ".join(catalog.types)
    remedy = f"It must be one of {known}." if known else "The catalog has no report type."
    raise RequestInvalidError.of([FieldError("/type", f"Unknown report type. {remedy}")])


def read_catalog(folder: Path) -> Catalog:
    """Reads a folder. Raises CatalogInvalidError if it does not exist."""
    if not folder.is_dir():
        raise CatalogInvalidError(
            f"The folder of the catalog, {folder}, does not exist. On your own machine, create it with `resma init`. "
            "For AWS, build the package with `resma aws build`, which adds the catalog to it."
        )
    settings, errors = check_settings(folder)
    types: dict[str, ReportType] = {}
    invalid: dict[str, InvalidType] = {}
    for path in _find_folders(folder):
        report_type, diagnostics = (None, errors) if settings is None else _check(path, settings)
        if report_type and not diagnostics and report_type.type not in types:
            types[report_type.type] = report_type
            continue
        if report_type:
            diagnostics = [_same_type(report_type.type)]
        name = type_of_folder(path.name)
        while name in types or name in invalid:
            name += "_"
        invalid[name] = InvalidType(name, path, tuple(diagnostics))
    settings = settings or CatalogSettings()
    # Those about Resma itself come last: forms offer the first type, which shall be one of the organization's own.
    types = dict(sorted(types.items(), key=lambda item: item[1].database == "system"))
    return Catalog(types, invalid, settings, _read_logo(folder, settings))


def _read_logo(folder: Path, settings: CatalogSettings) -> Logo | None:
    """Returns the logo, which the check of the settings has read; None if its file was changed since."""
    try:
        return read_logo(folder / settings.brand.logo) if settings.brand.logo else None
    except LogoError:  # the changed file has another fingerprint, so the next call reads the catalog again
        return None


def _find_folders(folder: Path) -> list[Path]:
    """Returns the folders of report types, also of those that lack a file."""
    paths = {path.parent for name in ("report.toml", "query.sql") for path in folder.glob(f"*/{name}")}
    return sorted(path for path in paths if not path.name.startswith("."))


def _check(folder: Path, settings: CatalogSettings) -> _Checked:
    fingerprint = tuple(sorted(_states(folder, depth=0)))
    found = _checked.get(folder)
    if found is None or found[:2] != (fingerprint, settings):
        found = _checked[folder] = (fingerprint, settings, check_folder(folder, settings))
    return found[2]


def _same_type(name: str) -> Diagnostic:
    return Diagnostic(f"Another folder has the report type {name}. Rename one.", ("type",), line=1)


def _fingerprint_of(folder: Path) -> _Fingerprint:
    """Returns what changes with the files of a catalog. No file is opened: ten report types take less than 1 ms."""
    return tuple(sorted(_states(folder)))


def _states(folder: Path, depth: int = 1) -> Iterator[tuple[str, int, int, int]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir():
                if depth and not entry.name.startswith("."):
                    yield from _states(Path(entry.path), depth - 1)
            else:
                state = entry.stat()
                yield entry.path, state.st_mtime_ns, state.st_size, state.st_ino
        except OSError:  # removed meanwhile
            continue
