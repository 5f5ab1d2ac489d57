"""Tests are deterministic: `make test` uses fixed seeds, and `make fuzz` uses new seeds."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml
from hypothesis import settings

from infra.paths import ROOT
from tests import fuzz
from tests.support.random_search import SEED_VARIABLE, is_fuzzing

TESTS = ROOT / "tests"


def unseeded(tree: ast.AST) -> Iterator[int]:
    """Yields lines that use a random generator without a seed, or that set `derandomize`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if any(keyword.arg == "derandomize" for keyword in node.keywords):
            yield node.lineno
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            name = f"{node.func.value.id}.{node.func.attr}"
            if name.startswith("random.") and not (name == "random.Random" and node.args):
                yield node.lineno
            if name in {"secrets.randbelow", "secrets.choice"}:
                yield node.lineno


def test_no_test_uses_a_generator_without_a_seed() -> None:
    # The command lines of `make fuzz` and `make chaos` choose the seeds, and print them.
    exceptions = {TESTS / "fuzz.py", TESTS / "chaos" / "__main__.py", TESTS / "support" / "random_search.py"}
    paths = set(TESTS.rglob("*.py")) - exceptions
    assert len(paths) > 100
    lines = {f"{path.relative_to(ROOT)}:{line}" for path in paths for line in unseeded(ast.parse(path.read_text()))}
    assert lines == set()


@pytest.mark.parametrize(
    "source",
    ["random.shuffle(x)", "random.Random().random()", "secrets.choice(x)", "settings(derandomize=True)"],
)
def test_the_search_finds_unseeded_generators(source: str) -> None:
    assert list(unseeded(ast.parse(source)))
    assert not list(unseeded(ast.parse("random.Random(4).shuffle(x)")))


def test_hypothesis_is_deterministic_except_for_fuzzing() -> None:
    assert settings().derandomize is not is_fuzzing()
    assert settings().database is None


def draw(seed: str | None) -> str:
    """Returns the random numbers of a separate process with the profile of tests."""
    script = (
        "import tests.support.random_search as r; r.use_hypothesis_profile(); from hypothesis import settings\n"
        "print(r.make_random(3).random(), r.make_random(4).random(), settings().derandomize)"
    )
    environment = {name: value for name, value in os.environ.items() if name != SEED_VARIABLE}
    environment |= {} if seed is None else {SEED_VARIABLE: seed}
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_a_seed_determines_the_random_numbers() -> None:
    fixed, other = draw(None), draw("7")
    assert fixed.split()[2] == "True"
    assert other.split()[2] == "False"
    assert draw(None) == fixed
    assert draw("7") == other
    assert len({*fixed.split()[:2], *other.split()[:2], *draw("8000").split()[:2]}) == 6


def test_each_round_of_fuzzing_prints_its_seed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def run(command: list[str], *, env: dict[str, str], check: bool) -> subprocess.CompletedProcess[bytes]:
        calls.append((command, env[SEED_VARIABLE]))
        return subprocess.CompletedProcess(command, 1 if env[SEED_VARIABLE] == "43" else 0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("SEED", "42")
    monkeypatch.setenv("ROUNDS", "5")
    assert fuzz.main() == 1
    assert [seed for _, seed in calls] == ["42", "43"]
    assert all(f"--hypothesis-seed={seed}" in command for command, seed in calls)
    assert "make fuzz SEED=43" in capfd.readouterr().out
    monkeypatch.delenv("SEED")
    monkeypatch.setenv("ROUNDS", "1")
    calls.clear()
    assert fuzz.main() == 0
    assert fuzz.main() == 0
    assert len({seed for _, seed in calls}) == 2


def test_the_weekly_workflow_runs_fuzzing_with_the_variables_that_it_reads() -> None:
    # YAML 1.1 parses the key `on` as true.
    workflow = yaml.safe_load((ROOT / ".github/workflows/fuzz.yml").read_text(encoding="utf-8"))
    assert workflow[True].keys() == {"schedule", "workflow_dispatch"}
    (step,) = [step for step in workflow["jobs"]["fuzz"]["steps"] if step.get("run", "").startswith("make ")]
    assert step["run"] == "make fuzz"
    assert step["env"].keys() == {"SEED", "ROUNDS"}
