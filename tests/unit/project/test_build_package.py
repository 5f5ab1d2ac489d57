"""`resma aws build`: an invalid catalog is refused before sam runs, and each package gets a copy of the catalog."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.deploy.build import add_catalog, main
from infra.errors import StackError
from infra.packages import find_missing_catalog
from resma.catalog import DEMO_CATALOG

TEMPLATE = """
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Api: {Type: AWS::Serverless::Function, Properties: {CodeUri: Code}}
  Worker: {Type: AWS::Serverless::Function, Properties: {CodeUri: Code}}
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """The output of a `sam build`, of two functions that share a package."""
    folder = tmp_path / "build"
    (folder / "Code").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    return folder


def test_a_package_gets_the_catalog_and_loses_an_earlier_one(build: Path, tmp_path: Path) -> None:
    assert "has no report types. Build it with `resma aws build`" in str(find_missing_catalog(build))
    catalog = tmp_path / "reports"
    shutil.copytree(DEMO_CATALOG, catalog)
    (catalog / ".git").mkdir()
    (build / "Code" / "catalog" / "removed").mkdir(parents=True)
    assert add_catalog(build, catalog) == add_catalog(build, catalog) == [build / "Code"]
    assert find_missing_catalog(build) is None
    copied = {path.name for path in (build / "Code" / "catalog").iterdir()}
    assert copied == {path.name for path in DEMO_CATALOG.iterdir()}


def test_a_missing_build_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="has no build"):
        add_catalog(tmp_path, DEMO_CATALOG)


def test_a_catalog_with_errors_is_not_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(DEMO_CATALOG / "transactions", tmp_path / "transactions")
    (tmp_path / "transactions" / "query.sql").unlink()
    assert main(["--catalog", str(tmp_path), "--build-dir", str(tmp_path / "build")]) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path}/transactions/query.sql:1: The file is missing." in said
    assert not (tmp_path / "build").exists()


def test_a_catalog_that_does_not_exist_is_not_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--catalog", str(tmp_path / "nowhere")]) == 1
    assert "nowhere does not exist. Create it with `resma init`" in capsys.readouterr().err
