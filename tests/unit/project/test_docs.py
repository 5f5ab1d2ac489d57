"""The documentation is correct: its commands are tested, and its links, paths and names exist."""

from __future__ import annotations

import ast
import fnmatch
import os
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from infra.paths import ROOT, TEMPLATE
from infra.template import read_template
from tests.support.docs_commands import RUNNERS, find_runners
from tests.support.docs_pages import (
    DOCUMENTS,
    PAGES,
    SCRIPT,
    Command,
    anchors,
    blocks,
    commands,
    inlines,
    links,
    name_of,
)
from tests.support.eventually import PATIENCE_SECONDS

each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)

SCRIPTS = {
    "docs/own-database.md": "tests/e2e/test_own_database_guide.py::test_the_guides_commands_generate_a_report",
    "docs/integrate.md": "tests/e2e/test_clients.py::test_the_guides_commands_work",
    "docs/reports-api.md": "tests/e2e/test_estimate_link_and_retry.py::test_the_pages_commands_work",
}
"""Pages with shell scripts, and the test that runs each of them."""

SOURCES = ("functions", "infra", "tests", "examples", "docs/clients", ".ci")
OURS = ("template.yaml", "samconfig.toml", "Makefile", "docker-compose.yml", ".env.example", "pyproject.toml")


def shell_scripts(page: Path) -> bool:
    """Returns whether a page has commands that are run as a script."""
    return any(block.kind == SCRIPT for block in blocks(page))


def single_commands(page: Path) -> list[Command]:
    """Returns the commands of a page that are not part of its script."""
    in_script = {
        " ".join(line.split())
        for block in blocks(page)
        if block.kind == SCRIPT
        for line in block.text.replace("\\\n", " ").splitlines()
    }
    return [command for command in commands(page) if command.text not in in_script]


def exists(test: str) -> bool:
    """Returns whether a test `file::name` exists."""
    path, _, name = test.partition("::")
    if not (ROOT / path).is_file():
        return False
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in tree.body)


# ---------------------------------------------------------------- commands


@each_page
def test_every_command_is_run_by_a_test(page: Path) -> None:
    for command in single_commands(page):
        runners = find_runners(command)
        assert len(runners) == 1, (
            f"{command}\n{len(runners)} entries of tests/support/docs_commands.py match. Exactly one must match."
        )


def test_every_test_that_runs_commands_exists() -> None:
    used: set[str] = set()
    for command in (command for page in PAGES for command in single_commands(page)):
        for kind, runner in find_runners(command):
            if kind == "test":
                assert exists(runner), f"{command}\n{runner} does not exist."
            if kind == "line":
                file, _, text = runner.partition(": ")
                assert text in (ROOT / file).read_text(encoding="utf-8"), f"{command}\n{file} has no line {text}."
        used |= {pattern for pattern in RUNNERS if re.fullmatch(pattern, command.text)}
    assert used == set(RUNNERS), f"No page has a command for {set(RUNNERS) - used}. Remove these entries."


@each_page
def test_every_script_is_run_by_a_test(page: Path) -> None:
    assert shell_scripts(page) == (name_of(page) in SCRIPTS), "Add the test that runs the script to SCRIPTS."
    if shell_scripts(page):
        assert exists(SCRIPTS[name_of(page)])


@cache
def make_targets() -> dict[str, bool]:
    """Returns every target of the Makefile, and whether `make help` lists it."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return {name: bool(help_) for name, help_ in re.findall(r"^([a-z][a-z0-9-]*):[^=\n]*?(##.*)?$", text, re.MULTILINE)}


def test_every_documented_make_target_exists() -> None:
    named = {
        word
        for page in PAGES
        for command in commands(page)
        for targets in re.findall(r"\bmake ([a-z][a-z0-9 -]*)", command.text)
        for word in targets.split()
    }
    assert {"demo", "up", "check", "test"} <= named <= set(make_targets())
    for name in sorted(named):
        done = subprocess.run(
            ["make", "--dry-run", name], cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
        )
        assert done.returncode == 0, done.stderr


def test_every_make_target_has_help() -> None:
    """Only targets that are steps of other targets have no help."""
    steps = {
        "python",
        "setup-sam",
        "setup-bench",
        "setup-readers",
        "setup-second-emulator",
        "lint",
        "types",
        "template",
        "imports",
        "unit",
        "integration",
        "e2e",
    }
    assert {name for name, has_help in make_targets().items() if not has_help} <= steps


# ---------------------------------------------------------------- code


def test_programs_in_the_guide_equal_the_tested_files() -> None:
    guide = ROOT / "docs" / "integrate.md"
    programs = [block for block in blocks(guide) if block.kind in {"bash", "python", "javascript", "go"}]
    files = sorted(path for path in (ROOT / "docs" / "clients").rglob("*.*") if path.is_file())
    assert len(programs) == len(files) == 7
    for block, named in zip(programs, re.findall(r"^\[(clients/\S+)\]", guide.read_text(), re.MULTILINE), strict=True):
        path = guide.parent / named
        assert path in files
        assert block.text == path.read_text(encoding="utf-8"), (
            f"{block.page}:{block.line} differs from {named}. Copy the file there."
        )


# ---------------------------------------------------------------- links


@each_page
def test_every_link_has_a_target(page: Path) -> None:
    for line, url in links(page):
        if re.match(r"https?://|mailto:", url):
            continue
        where, _, anchor = unquote(url).partition("#")
        target = (page.parent / where).resolve() if where else page
        assert target.exists(), f"{name_of(page)}:{line}: {url} does not exist."
        assert target.is_relative_to(ROOT)
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{name_of(page)}:{line}: {name_of(target)} has no #{anchor}"


def test_every_page_can_be_reached() -> None:
    """Links lead from the README to every page."""
    reached, queue = set[Path](), [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        reached.add(page)
        for _, url in links(page):
            target = (page.parent / url.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in reached:
                queue.append(target)
    assert {name_of(page) for page in set(PAGES) - reached} == set()


# ---------------------------------------------------------------- paths

MADE_BY_READERS = ("reports", "functions/global-bundle.pem")
"""Paths that guides tell their readers to create."""


GENERATED_FOLDERS = re.compile(r"\.git|\.resma|\.aws-sam|__pycache__|node_modules|\.\w+_cache|\.hypothesis")
"""Folders of Git, tools and builds."""


@cache
def project_files() -> frozenset[str]:
    """Returns the paths of the project's own files and folders."""
    paths: set[str] = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not GENERATED_FOLDERS.fullmatch(name)]
        paths.update((Path(folder) / name).relative_to(ROOT).as_posix() for name in (*folders, *files))
    return frozenset(paths)


def paths_of(page: Path) -> Iterator[tuple[int, str]]:
    """Yields words in the form of paths in the project: `functions/…`, `resma/…` or a file name."""
    tops = {path.partition("/")[0] for path in project_files()} | {path.name for path in (ROOT / "functions").iterdir()}
    for line, token in inlines(page):
        if token.type != "code_inline":
            continue
        for word in re.findall(r"(?<![\w/:.<>$~-])[\w.*-]+(?:/[\w.*-]+)*/?", token.content):
            path = word.rstrip("/.")
            is_path = "/" in path and path.partition("/")[0] in tops and not path.startswith("api/v1")
            if is_path or re.fullmatch(r"\w+\.(py|sql|js|yml)", path):
                yield line, path


@pytest.mark.parametrize("page", DOCUMENTS, ids=name_of)
def test_every_path_that_is_named_exists(page: Path) -> None:
    names = {path.rpartition("/")[2] for path in project_files()}
    for line, path in paths_of(page):
        path_exists = (
            {path, f"functions/{path}"} & project_files() or path in names or fnmatch.filter(project_files(), path)
        )
        assert path_exists or path.startswith(MADE_BY_READERS), f"{name_of(page)}:{line}: {path} does not exist."


def comments_of(source: Path) -> Iterator[tuple[int, str]]:
    """Yields the comments and docstrings of a module, with their lines."""
    with tokenize.open(source) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
                yield token.start[0], token.string


@pytest.mark.parametrize("top", ["functions", "infra"])
def test_every_module_that_a_comment_names_exists(top: str) -> None:
    for source in (ROOT / top).rglob("*.py"):
        for line, text in comments_of(source):
            for path in re.findall(r"(?<![\w/.*<-])((?:\w+/)*\w+\.py)\b", text):
                path_exists = any(f"/{known}".endswith(f"/{path}") for known in project_files())
                assert path_exists, f"{name_of(source)}:{line}: {path} does not exist."


@pytest.mark.parametrize("page", [page for page in DOCUMENTS if page not in PAGES], ids=name_of)
def test_every_link_of_other_documents_has_a_target(page: Path) -> None:
    test_every_link_has_a_target(page)


# ---------------------------------------------------------------- decisions

RECORDS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
INDEX = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")


def status_of(record: Path) -> str:
    """Returns the status of a decision, which is between its date and its text."""
    title, date, status, _ = record.read_text(encoding="utf-8").split("\n\n", 3)
    assert re.match(rf"# {record.name[:3]}: \S", title), f"{record.name}: The title must start with the number."
    assert re.match(r"\d{4}-\d\d-\d\d", date), f"{record.name}: The date must follow the title."
    assert status.startswith("Status: "), f"{record.name}: The status must follow the date."
    return status.removeprefix("Status: ")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:3])
def test_every_decision_has_a_status_and_a_line_in_the_index(record: Path) -> None:
    status = status_of(record)
    others = r"\[\d{3}\]\([\w-]+\.md\)(?: and \[\d{3}\]\([\w-]+\.md\))*"
    assert re.fullmatch(rf"accepted(, amended by {others})?|superseded by {others}", status), status
    for number, file in re.findall(r"\[(\d{3})\]\(([^)]+)\)", status):
        assert file.startswith(number)
        assert (record.parent / file) in RECORDS, f"{record.name}: {file} does not exist."
        assert number > record.name[:3]
    (line,) = re.findall(rf"^\| \[{record.name[:3]}\]\({re.escape(record.name)}\) \| .* \|$", INDEX, re.MULTILINE)
    by = ", ".join(re.findall(r"\[(\d{3})\]", status))
    assert ("superseded by" in line) == status.startswith("superseded")
    assert not status.startswith("superseded") or line.endswith(f" (superseded by {by}) |")


def test_the_index_of_decisions_is_in_order() -> None:
    numbers = re.findall(r"^\| \[(\d{3})\]", INDEX, re.MULTILINE)
    assert numbers == sorted(numbers)
    assert len(numbers) == len(RECORDS)


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize("picture", ["bench.svg", "flow.svg"])
def test_drawings_have_a_title_and_a_dark_color_scheme(picture: str) -> None:
    drawing = ElementTree.parse(ROOT / "docs" / picture).getroot()
    assert drawing.get("role") == "img"
    assert drawing.findtext("{*}title")
    assert "prefers-color-scheme: dark" in (drawing.findtext("{*}style") or "")
    assert {"width", "height", "viewBox"} <= set(drawing.attrib)
    if label := drawing.get("aria-labelledby"):
        labels = {element.get("id"): element.text for element in drawing.iter() if element.get("id")}
        assert all(labels[name] for name in label.split())


@each_page
def test_pictures_have_an_alternative_text(page: Path) -> None:
    for line, token in inlines(page):
        if token.type == "image":
            assert len(token.content) > 10, f"{name_of(page)}:{line}: Describe the picture in its alternative text."


# ---------------------------------------------------------------- names

ELSEWHERE = frozenset(
    {
        "ApproximateNumberOfMessagesVisibleInQuietGroups",
        "DatabaseConnectionsCurrentlySessionPinned",
        "RecursiveInvocationsDropped",
    }
)
"""Names in the documentation that other projects define."""


@cache
def words() -> frozenset[str]:
    """Returns every word of the project's code and settings, except for this test and its data."""
    files = [ROOT / name for name in OURS]
    for folder in SOURCES:
        files += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    words_found: set[str] = set()
    for path in files:
        if path.name not in {"test_docs.py", "docs_commands.py"} and path.suffix not in {".ttf", ".png", ".parquet"}:
            words_found.update(re.findall(r"\w+", path.read_text(encoding="utf-8", errors="ignore")))
    return frozenset(words_found)


def names(page: Path) -> Iterator[tuple[int, str]]:
    """Yields words in the form of environment variables, parameters or resources of the template."""
    for line, token in inlines(page):
        if token.type == "code_inline":
            for word in re.findall(r"(?<![\w.])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", token.content):
                yield line, word
            if re.fullmatch(r"(?:[A-Z][a-z0-9]+){2,}", token.content):
                yield line, token.content
    for command in commands(page):
        for word in re.findall(r"(?<!\w)([A-Z][A-Z0-9_]+)=", command.text):
            yield command.line, word


@each_page
def test_every_variable_and_parameter_that_is_named_exists(page: Path) -> None:
    for line, name in names(page):
        assert name in words() | ELSEWHERE, f"{name_of(page)}:{line}: Nothing in the project has the name {name}."


def test_every_parameter_is_explained() -> None:
    guide = (ROOT / "docs" / "aws.md").read_text(encoding="utf-8")
    parameters = read_template(TEMPLATE)["Parameters"]
    assert [name for name in parameters if f"`{name}`" not in guide] == []


def test_no_file_has_a_merge_conflict() -> None:
    command = ["git", "grep", "-lE", "^(<{7}|>{7})( |$)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
