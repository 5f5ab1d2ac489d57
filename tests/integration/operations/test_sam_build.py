"""The package of `sam build` imports without other packages, fits into Lambda, and loads on Lambda's machines."""

from __future__ import annotations

import contextlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name

from infra.checks.dependencies.built import find_difference, find_target, read_parameters
from infra.deploy.compose import LAMBDA_ARCHITECTURES
from infra.packages import find_missing_catalog
from infra.paths import FUNCTIONS, ROOT, TEMPLATE
from infra.template import read_template
from resma.catalog import DEMO_CATALOG, load_catalog
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.sam import SAM, sam_environment

HANDLERS = {
    name: resource["Properties"]["Handler"]
    for name, resource in read_template(TEMPLATE)["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}

PARAMETERS = read_template(TEMPLATE)["Parameters"]
RUNTIMES: list[str] = PARAMETERS["LambdaRuntime"]["AllowedValues"]
ARCHITECTURES: list[str] = PARAMETERS["LambdaArchitecture"]["AllowedValues"]

MAX_UNPACKED_BYTES = 250 * 1024 * 1024
"""Lambda's maximum size of an unpacked package (Developer Guide, Lambda quotas)."""

GLIBC = (2, 34)
"""Version of glibc in Amazon Linux 2023, on which Lambda runs python3.12 and newer."""

ELF_MACHINES = {"arm64": 183, "x86_64": 62}
"""`e_machine` of an ELF file (elf.h: EM_AARCH64, EM_X86_64)."""

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Names of the architectures in wheels."""


@dataclass(frozen=True)
class Build:
    """The output folder of a `sam build`, with its target."""

    runtime: str
    architecture: str
    folder: Path

    def package(self, function: str) -> Path:
        """Returns the folder with a function's code, from the built template."""
        resource = read_template(self.folder / "template.yaml")["Resources"][function]
        return self.folder / str(resource["Properties"]["CodeUri"])

    def supported_tags(self) -> set[str]:
        """Returns the tags of the wheels that the target's Python loads on its processor and glibc."""
        major, minor = map(int, self.runtime.removeprefix("python").split("."))
        machine = MACHINES[self.architecture]
        # In pip and packaging, manylinux2014 is another name of manylinux_2_17.
        platforms = [f"manylinux_{GLIBC[0]}_{n}_{machine}" for n in range(GLIBC[1], 16, -1)]
        platforms += [f"manylinux2014_{machine}", f"linux_{machine}"]
        of_python = {str(tag) for tag in cpython_tags((major, minor), platforms=platforms)}
        return of_python | {str(tag) for tag in compatible_tags((major, minor), platforms=platforms)}


def run_sam(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs sam from the project's folder."""
    return run(home, SAM, *arguments)


def run(home: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command from the project's folder, with sam and uv on its path."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env=sam_environment(home),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@contextlib.contextmanager
def built(home: Path, runtime: str, architecture: str, *command: str | Path) -> Iterator[Build]:
    """Builds the package by a command, and removes it after the block: a build has 180 MB."""
    try:
        parameters = f"LambdaRuntime={runtime} LambdaArchitecture={architecture}"
        arguments = ["--no-cached", "--build-dir", str(home / "build"), "--parameter-overrides", parameters]
        done = run(home, *command, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        yield Build(runtime, architecture, home / "build")
    finally:
        shutil.rmtree(home)


DEFAULT_TARGET = (PARAMETERS["LambdaRuntime"]["Default"], PARAMETERS["LambdaArchitecture"]["Default"])

TARGETS = [
    pytest.param((runtime, architecture), marks=() if (runtime, architecture) == DEFAULT_TARGET else pytest.mark.long)
    for runtime in RUNTIMES
    for architecture in ARCHITECTURES
]
"""All targets that the template allows. `make test` builds for the default one only."""


@pytest.fixture(scope="module", params=TARGETS, ids="-".join)
def build(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """A build for each target."""
    with built(tmp_path_factory.mktemp("sam"), *request.param, SAM, "build") as one:
        yield one


@pytest.fixture(scope="module")
def own_build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """A build of `resma aws build` for this Python and this processor, so that it can be run here."""
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    architecture = LAMBDA_ARCHITECTURES[platform.machine()]
    command = (sys.executable, "-m", "infra.deploy.build", "--catalog", DEMO_CATALOG)
    with built(tmp_path_factory.mktemp("own"), runtime, architecture, *command) as one:
        yield one


@pytest.mark.parametrize("stage", ["default", "dev"])
def test_sam_finds_the_template_valid(stage: str, tmp_path: Path) -> None:
    done = run_sam(tmp_path, "validate", "--lint", "--config-env", stage)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


def test_all_functions_share_one_package_that_fits_into_lambda(build: Build) -> None:
    (package,) = {build.package(function) for function in HANDLERS}
    size = sum(path.stat().st_size for path in package.rglob("*") if path.is_file())
    print(f"{build.runtime} {build.architecture}: {size / 1024 / 1024:.0f} MiB unpacked")
    assert size < MAX_UNPACKED_BYTES


def test_package_has_every_pinned_version(build: Build) -> None:
    """No package was left out for the target, and no version was resolved again."""
    environment = {
        "python_version": build.runtime.removeprefix("python"),
        "platform_machine": MACHINES[build.architecture],
    }
    lines = (FUNCTIONS / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    pinned = [Requirement(line.partition(" --hash")[0]) for line in lines if "==" in line]
    pinned = [pin for pin in pinned if pin.marker is None or pin.marker.evaluate(environment)]
    installed = {
        distribution.name: distribution.version
        for distribution in distributions(path=[str(build.package("ApiFunction"))])
    }
    assert {canonicalize_name(name): version for name, version in installed.items()} == {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pinned
    }


def test_package_has_wheels_for_the_target(build: Build) -> None:
    supported = build.supported_tags()
    wheels = list(build.package("WorkerFunction").glob("*.dist-info/WHEEL"))
    assert wheels
    for wheel in wheels:
        tags = re.findall(r"^Tag: (\S+)$", wheel.read_text(encoding="utf-8"), re.MULTILINE)
        assert supported & set(tags), f"{wheel.parent.name} has {tags}"


def test_package_loads_on_lambdas_machines(build: Build) -> None:
    """Every shared library is for the processor, and needs symbols of a glibc version that Lambda has."""
    libraries = list_libraries(build.package("WorkerFunction"))
    assert libraries
    for library in libraries:
        content = library.read_bytes()
        assert content[:4] == b"\x7fELF", library.name
        assert int.from_bytes(content[18:20], "little") == ELF_MACHINES[build.architecture], library.name
        versions = re.findall(rb"GLIBC_(\d+)\.(\d+)", content)
        newest = max(((int(major), int(minor)) for major, minor in versions), default=(0, 0))
        assert newest <= GLIBC, f"{library.name} needs glibc {newest[0]}.{newest[1]}"


def test_extension_modules_are_for_the_python_version(build: Build) -> None:
    """Their names are like `name.cpython-313-aarch64-linux-gnu.so`, or they use the stable ABI."""
    tag = f"cpython-{build.runtime.removeprefix('python').replace('.', '')}-{MACHINES[build.architecture]}-linux-gnu"
    names = [library.name for library in list_libraries(build.package("WorkerFunction"))]
    of_python = [name for name in names if ".cpython-" in name]
    assert of_python
    assert [name for name in of_python if f".{tag}.so" not in name] == []


def list_libraries(package: Path) -> list[Path]:
    """Returns the shared libraries of a package, including extension modules."""
    return [path for path in package.rglob("*") if re.search(r"\.so(\.[\d.]+)?$", path.name)]


def test_a_build_for_another_target_is_detected_before_it_is_deployed(build: Build, tmp_path: Path) -> None:
    target = {"LambdaRuntime": build.runtime, "LambdaArchitecture": build.architecture}
    assert find_target(build.folder) == target
    assert find_difference(target, target) is None
    other = {"LambdaRuntime": "python3.12", "LambdaArchitecture": "x86_64"}
    config = tmp_path / "samconfig.toml"
    overrides = 'LambdaRuntime=\\"python3.12\\" LambdaArchitecture=x86_64'  # as `sam deploy --guided` writes them
    config.write_text(f'[dev.deploy.parameters]\nparameter_overrides = "{overrides}"\n', encoding="utf-8")
    difference = find_difference(target, read_parameters(config, "dev"))
    assert (difference is None) == (target == other)


def test_package_has_the_data_files(build: Build) -> None:
    package = build.package("WorkerFunction")
    paths = {path.relative_to(FUNCTIONS) for path in (FUNCTIONS / "resma/fonts").glob("*.ttf")}
    assert paths
    for path in paths:
        assert (package / path).read_bytes() == (FUNCTIONS / path).read_bytes()


@pytest.mark.parametrize("function", HANDLERS)
def test_package_imports_on_its_own(function: str, own_build: Build) -> None:
    """Runs Python with its standard library and the package, without packages that are installed here."""
    module, _, name = HANDLERS[function].rpartition(".")
    program = (
        f"import sys; sys.path.insert(0, {str(own_build.package(function))!r})\n"
        f"from {module} import {name}\n"
        f"assert callable({name})\n"
        "strangers = [m for m in sys.modules.values() if 'site-packages' in (getattr(m, '__file__', None) or '')]\n"
        "assert not strangers, strangers"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-W", "ignore", "-c", program],
        env={"AWS_DEFAULT_REGION": "us-east-1", "LANG": "C.UTF-8"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_package_has_the_catalog(own_build: Build, build: Build) -> None:
    """`sam build` alone adds none, which is said before the deployment."""
    package = own_build.package("WorkerFunction")
    paths = [path.relative_to(DEMO_CATALOG) for path in DEMO_CATALOG.rglob("*") if path.is_file()]
    assert len(paths) >= 8
    for path in paths:
        assert (package / "catalog" / path).read_bytes() == (DEMO_CATALOG / path).read_bytes()
    assert find_missing_catalog(own_build.folder) is None
    assert "Build it with `resma aws build`" in str(find_missing_catalog(build.folder))
    program = (
        f"import sys; sys.path.insert(0, {str(package)!r})\n"
        "from resma.catalog import load_catalog\n"
        "print(*load_catalog())"
    )
    command = [sys.executable, "-I", "-S", "-B", "-W", "ignore", "-c", program]
    environment = {"AWS_DEFAULT_REGION": "us-east-1", "LANG": "C.UTF-8"}
    done = subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    )
    assert set(done.stdout.split()) == set(load_catalog(DEMO_CATALOG))
