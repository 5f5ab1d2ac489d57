"""`python -m infra.release client|all [--folder .resma/dist]`: builds the client alone, or all files of a release.

`all` is `make release-files`: the client's wheel and source distribution, a ZIP of the functions for each processor
architecture that the template allows, and `SHA256SUMS`, which names every other file.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infra.errors import StackError
from infra.paths import ROOT, STATE, TEMPLATE
from infra.release.archive import write_archive, write_checksums
from infra.release.build import build_client, build_functions
from infra.template import read_template
from resma_cli import VERSION


def main(given: Sequence[str] | None = None) -> int:
    """Builds the files. Returns the exit code: 0 for success, 1 after an error message."""
    parser = argparse.ArgumentParser(prog="python -m infra.release", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("what", choices=["client", "all"])
    parser.add_argument(
        "--folder",
        type=Path,
        default=STATE / "dist",
        help="output folder, which is emptied first (default: %(default)s)",
    )
    chosen = parser.parse_args(given)
    shutil.rmtree(chosen.folder, ignore_errors=True)
    chosen.folder.mkdir(parents=True)
    try:
        build_client(chosen.folder)
        if chosen.what == "all":
            _add_functions(chosen.folder)
            write_checksums(chosen.folder)
    except StackError as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    for path in list_files(chosen.folder):
        print(f"{path.stat().st_size:>12,}  {path.name}")
    return 0


def list_files(folder: Path) -> list[Path]:
    """Returns the built files, without the .gitignore of uv."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _add_functions(folder: Path) -> None:
    parameters = read_template(TEMPLATE)["Parameters"]
    runtime: str = parameters["LambdaRuntime"]["Default"]
    for architecture in parameters["LambdaArchitecture"]["AllowedValues"]:
        with tempfile.TemporaryDirectory(prefix="resma-release-") as home:
            package = build_functions(Path(home), runtime, architecture)
            shutil.copy(ROOT / "LICENSE", package)
            write_archive(package, folder / f"resma-functions-{VERSION}-{runtime}-{architecture}.zip")


if __name__ == "__main__":
    sys.exit(main())
