"""`resma aws build`: runs `sam build`, and adds the catalog of report types to the package of the functions.

Options that it does not know are those of `sam build`, such as `--config-env dev`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.checks.report_types.check_folder import check_catalog
from infra.errors import StackError
from infra.packages import BUILD, PACKAGED, find_packages
from infra.paths import ROOT, STATE
from resma.catalog import catalog_folder

_SAM = STATE / "venv-sam" / "bin" / "sam"
_IGNORED = shutil.ignore_patterns(".*", "__pycache__")


def main(given: Sequence[str] | None = None) -> int:
    """Builds the package. Returns the exit code: 0 for success, 1 after an error message, or that of sam."""
    parser = argparse.ArgumentParser(prog="resma aws build", description=__doc__)
    parser.add_argument("--catalog", type=Path, metavar="DIR", help="folder of the report types (RESMA_CATALOG)")
    parser.add_argument("--build-dir", type=Path, default=BUILD, help="folder of the package (default: %(default)s)")
    options, of_sam = parser.parse_known_args(given)
    catalog = catalog_folder(options.catalog)
    try:
        _require_valid(catalog)
        if code := _run_sam(options.build_dir, of_sam):
            return code
        packages = add_catalog(options.build_dir, catalog)
    except StackError as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    print(f"Added the catalog {catalog} to {', '.join(map(str, packages))}.")
    return 0


def add_catalog(build: Path, catalog: Path) -> list[Path]:
    """Copies a catalog into every package of a `sam build`, and replaces an earlier copy. Returns the packages.

    Raises StackError if there is no build.
    """
    packages = find_packages(build)
    if not packages:
        raise StackError(f"{build} has no build. Run `resma aws build` again, and read the messages of sam.")
    for package in packages:
        shutil.rmtree(package / PACKAGED, ignore_errors=True)
        shutil.copytree(catalog, package / PACKAGED, ignore=_IGNORED)
    return packages


def _require_valid(catalog: Path) -> None:
    """Raises StackError with all errors of the catalog's files, and if it has no report type."""
    if not catalog.is_dir():
        raise StackError(f"The catalog folder {catalog} does not exist. Create it with `resma init`, or name another.")
    if errors := check_catalog(catalog, None).errors:
        lines = "\n".join(f"{error.path}:{error.line}: {error.message}" for error in errors)
        raise StackError(f"Nothing was built, because the catalog has errors:\n{lines}")


def _run_sam(build: Path, arguments: Sequence[str]) -> int:
    """Runs `sam build` of this machine, or that of `make setup-sam`. Returns its exit code. Raises StackError."""
    program = shutil.which("sam") or (str(_SAM) if _SAM.exists() else None)
    if program is None:
        raise StackError("The AWS SAM CLI is not installed. Run `make setup-sam`, or `pip install aws-sam-cli uv`.")
    # python-uv needs uv on the path.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(STATE / "uv" / "bin")])
    command = [program, "build", "--build-dir", str(build.absolute()), *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
