"""`sam build` as on AWS: what it makes imports on its own, fits into Lambda, and loads on Lambda's machines."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.deploy import read_template
from infra.local.paths import ROOT, STATE, TEMPLATE

SAM = STATE / "venv-sam" / "bin" / "sam"
HANDLERS = {
    name: resource["Properties"]["Handler"]
    for name, resource in read_template(TEMPLATE)["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}

UNPACKED_BYTES_MAX = 250 * 1024 * 1024
"""Lambda's limit of a package, unpacked (Developer Guide, Lambda quotas)."""

GLIBC = (2, 26)
"""What Amazon Linux 2 has, on which Lambda runs python3.11."""

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) and shutil.which("python3.11") is None,
    reason="sam builds for the template's runtime with python3.11, which is not here",
)


def sam_environment(home: Path) -> dict[str, str]:
    """Surroundings for sam without anybody's credentials or settings."""
    assert SAM.exists(), "sam is missing: run `python3 infra/local/bootstrap.py sam`"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "PYTHON"))}
    return {
        **kept,
        "PATH": f"{SAM.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }


def run_sam(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs sam from the project's folder."""
    return subprocess.run(
        [SAM, *arguments],
        cwd=ROOT,
        env=sam_environment(home),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with one folder a function. Removed at the end: it has half a gigabyte."""
    folder = tmp_path_factory.mktemp("sam")
    try:
        done = run_sam(folder, "build", "--no-cached", "--build-dir", str(folder / "build"))
        assert done.returncode == 0, done.stdout + done.stderr
        yield folder / "build"
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("stage", ["default", "dev"])
def test_sam_finds_the_template_valid(stage: str, tmp_path: Path) -> None:
    done = run_sam(tmp_path, "validate", "--lint", "--config-env", stage)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


@pytest.mark.parametrize("function", HANDLERS)
def test_package_imports_on_its_own(function: str, build: Path) -> None:
    """A Python with its standard library and the package, and nothing else that is installed here."""
    module, _, name = HANDLERS[function].rpartition(".")
    program = (
        f"import sys; sys.path.insert(0, {str(build / function)!r})\n"
        f"from {module} import {name}\n"
        f"assert callable({name})\n"
        "strangers = [m for m in sys.modules.values() if 'site-packages' in (getattr(m, '__file__', None) or '')]\n"
        "assert not strangers, strangers"
    )
    python = sys.executable if sys.version_info[:2] == (3, 11) else "python3.11"
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-W", "ignore", "-c", program],
        env={"AWS_DEFAULT_REGION": "us-east-1", "LANG": "C.UTF-8"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("function", HANDLERS)
def test_package_fits_into_lambda(function: str, build: Path) -> None:
    size = sum(path.stat().st_size for path in (build / function).rglob("*") if path.is_file())
    print(f"{function}: {size / 1024 / 1024:.0f} MiB unpacked")
    assert size < UNPACKED_BYTES_MAX


def test_package_has_what_is_not_code(build: Path) -> None:
    package = build / "WorkerFunction"
    for folder, pattern in (("resma/fonts", "*.ttf"), ("catalog", "*/report.toml"), ("catalog", "*/query.sql")):
        kept = {path.relative_to(ROOT / "functions") for path in (ROOT / "functions" / folder).glob(pattern)}
        assert kept
        for path in kept:
            assert (package / path).read_bytes() == (ROOT / "functions" / path).read_bytes()


def test_package_loads_on_lambdas_machines(build: Path) -> None:
    """Every shared library asks for symbols of a glibc that Lambda has."""
    libraries = [path for path in (build / "WorkerFunction").rglob("*") if re.search(r"\.so(\.[\d.]+)?$", path.name)]
    assert libraries
    for library in libraries:
        wanted = re.findall(rb"GLIBC_(\d+)\.(\d+)", library.read_bytes())
        newest = max(((int(major), int(minor)) for major, minor in wanted), default=(0, 0))
        assert newest <= GLIBC, f"{library.name} wants glibc {newest[0]}.{newest[1]}"
