"""A build for another target than the deployment's is detected before the deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.checks.dependencies.built import find_difference, find_target, read_parameters
from infra.paths import ROOT

DEFAULTS = read_parameters(ROOT / "samconfig.toml", "dev")


def build(folder: Path, *modules: str) -> Path:
    """Creates a build with these extension modules. Returns its folder."""
    for module in modules:
        path = folder / "ApiFunction" / "package" / module
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(("machine", "minor"), [("aarch64", 13), ("x86_64", 13), ("aarch64", 12), ("x86_64", 12)])
def test_a_difference_is_reported_with_a_remedy(tmp_path: Path, machine: str, minor: int) -> None:
    modules = f"_a.cpython-3{minor}-{machine}-linux-gnu.so", "stable.abi3.so", "libpq-1234.so.5"
    difference = find_difference(find_target(build(tmp_path, *modules)), DEFAULTS)
    assert (difference is None) == (machine == "aarch64" and minor == 13)
    assert difference is None or (
        f"for python3.{minor}" in difference
        and "resma aws build --parameter-overrides LambdaRuntime=python3.13 LambdaArchitecture=arm64" in difference
    )


def test_a_missing_or_mixed_build_is_reported(tmp_path: Path) -> None:
    assert "Run `resma aws build`" in str(find_difference(find_target(tmp_path), DEFAULTS))
    mixed = build(tmp_path, "_a.cpython-313-aarch64-linux-gnu.so", "_a.cpython-313-x86_64-linux-gnu.so")
    assert "Run `resma aws build`" in str(find_difference(find_target(mixed), DEFAULTS))


@pytest.mark.parametrize(
    "overrides",
    ['"LambdaArchitecture=\\"x86_64\\" StageName=\\"dev\\""', '["LambdaArchitecture=x86_64", "StageName=dev"]'],
)
def test_parameters_are_read_as_sam_writes_them(tmp_path: Path, overrides: str) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text(f"[dev.deploy.parameters]\nparameter_overrides = {overrides}\n", encoding="utf-8")
    parameters = read_parameters(config, "dev")
    assert (parameters["LambdaArchitecture"], parameters["LambdaRuntime"]) == ("x86_64", DEFAULTS["LambdaRuntime"])
    assert read_parameters(config, "prod")["LambdaArchitecture"] == DEFAULTS["LambdaArchitecture"]
