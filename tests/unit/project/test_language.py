"""Every term of the stop list is found where it must be, and nothing else is."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from infra.checks.language.__main__ import main
from infra.checks.language.search import search_text, search_tree
from infra.checks.language.source import Source
from infra.checks.language.stop_list import (
    STOP_LIST,
    ReasonedException,
    StopList,
    StopListError,
    Term,
    read_stop_list,
)
from infra.paths import ROOT

TERMS = read_stop_list().terms
HITS = [(term, text) for term in TERMS for text in term.hits]
MISSES = [(term, text) for term in TERMS for text in term.misses]

IN_CONTEXT = {
    "address": "a presigned address",
    "free": "it frees the job",
    "give a": "x = 'days: give a number'",
    "is no": "that is no key",
    "is there": "if it is there.",
    "join": "it joins a report",
    "missed": "rules for missed runs",
    "place": "class Place:",
    "tell": "it tells the receiver",
    "`MOST_…`": "MOST_ROWS = 1",
    "`…_MAX`": "ROWS_MAX = 1",
    "`LEAST_…`": "LEAST_ROWS = 1",
    "`…_a_…`": "rows_a_day = 1",
}
"""Uses of what STYLE.md replaces in one meaning only, or writes as a pattern."""

TICK = Term(pattern="ticks?", say="sweep", hints=("tick",), hits=(), misses=())


def make_list(*terms: Term, exceptions: tuple[ReasonedException, ...] = (), skipped: tuple[str, ...] = ()) -> StopList:
    return StopList(terms, exceptions, skipped, without_code=("CHANGELOG.md",))


def found(path: str, text: str, *terms: Term) -> list[str]:
    return [str(hit) for hit, _ in search_text(path, text, make_list(*terms))]


def path_for(term: Term) -> str:
    """A path of a Python file in which a term is searched for."""
    return term.only[0].replace("*", "x.py") if term.only else "x.py"


@pytest.mark.parametrize(("term", "text"), HITS)
def test_what_must_be_found(term: Term, text: str) -> None:
    assert found(path_for(term), text, term)


@pytest.mark.parametrize(("term", "text"), MISSES)
def test_what_must_not_be_found(term: Term, text: str) -> None:
    assert found(path_for(term), text, term) == []


def replaced_phrases() -> list[str]:
    """The phrases in the column "not" of the terminology of STYLE.md."""
    table = (ROOT / "STYLE.md").read_text("utf-8").partition("### Terminology")[2].partition("\n## ")[0]
    cells = [line.split("|")[2] for line in table.splitlines() if line.startswith("|")][2:]
    phrases = [
        re.sub(r"\(.*?\)|\.\.\.", "", phrase).strip() for cell in cells for phrase in re.split("[,;]| and ", cell)
    ]
    assert len(phrases) > 50
    return phrases


@pytest.mark.parametrize("phrase", replaced_phrases())
def test_every_phrase_that_the_style_guide_replaces_is_found(phrase: str) -> None:
    text = IN_CONTEXT.get(phrase, phrase)
    assert found("x.py", text, *TERMS) or found("x.md", text, *TERMS)


@pytest.mark.parametrize("term", TERMS, ids=[term.pattern[:40] for term in TERMS])
def test_a_term_has_examples_of_all_its_hints(term: Term) -> None:
    examples = " ".join(term.hits).lower()
    assert [hint for hint in term.hints if hint not in examples] == []
    assert term.misses


@pytest.mark.parametrize(
    "text",
    ["gives up", "GIVES_UP", "gives-up", "givesUp", "GivesUp", "gives\n    # up", "gives\n> up", '"gives "\n    f"up"'],
)
def test_a_space_is_whatever_separates_words(text: str) -> None:
    term = dataclasses.replace(TICK, pattern="gives up", hints=("gives",))
    assert found("x.md", text, term)
    assert found("x.md", text.replace("up", "upper").replace("UP", "UPPER").replace("Up", "Upper"), term) == []


@pytest.mark.parametrize(
    ("where", "lines"),
    [
        ("all", [1, 3, 4, 5, 6]),
        ("text", [1, 4, 5, 6]),
        ("comments", [1, 4, 6]),
        ("docstrings", [1, 4]),
        ("strings", [5]),
        ("names", [3]),
    ],
)
def test_kinds_of_python(where: str, lines: list[int]) -> None:
    source = '"""A tick."""\n\ntick = 1\n"""A tick of ça."""\nx = rb"""tick""" + f("""\'""")\ny = "#"  # the tick\n'
    hits = search_text("x.py", source, make_list(dataclasses.replace(TICK, where=where)))
    assert [hit.line for hit, _ in hits] == lines


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.js", "// tick\nconst tick = 'tick' + `tick`;\n/* https://tick */\n"),
        ("x.sql", "-- tick\nSELECT tick, 'tick', 'tick';\n/* tick */\n"),
    ],
)
def test_kinds_of_other_languages(name: str, text: str) -> None:
    lines = {
        where: [hit.line for hit, _ in search_text(name, text, make_list(dataclasses.replace(TICK, where=where)))]
        for where in ("names", "strings", "comments", "docstrings")
    }
    assert lines == {"names": [2], "strings": [2, 2], "comments": [1, 3], "docstrings": []}


def test_the_line_and_what_to_say() -> None:
    assert found("docs/x.md", "One.\nThe ticks.\n", TICK) == ["docs/x.md:2: 'ticks': say sweep"]


def test_a_path_is_searched_too() -> None:
    assert found("docs/the_tick.png.md", "", TICK) == ["docs/the_tick.png.md:1: path: 'tick': say sweep"]


def test_an_exception_holds_for_its_phrase_in_its_files() -> None:
    exception = ReasonedException(("docs/*",), "clock ticks", "Of a clock.")
    text = "The clock\nticks. A tick."
    hits = [
        [(hit.line, allowed) for hit, allowed in search_text(path, text, make_list(TICK, exceptions=(exception,)))]
        for path in ("docs/a.md", "a.md")
    ]
    assert hits == [[(2, exception), (2, None)], [(2, None), (2, None)]]


def test_code_spans_of_the_changelog_are_not_searched() -> None:
    text = "`tick` is now `sweep`.\nThe tick is new."
    assert found("CHANGELOG.md", text, TICK) == ["CHANGELOG.md:2: 'tick': say sweep"]


def test_letters_whose_lower_case_is_longer_move_nothing() -> None:
    assert found("x.md", f"{'İ' * 300}\n\ntick", TICK) == ["x.md:3: 'tick': say sweep"]


def test_a_tree_is_searched_and_unused_exceptions_are_reported(tmp_path: Path) -> None:
    for name in ("docs/a.md", "docs/b.md", ".resma/c.md", "old/d.md", "e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("A tick.")
    used, unused = (ReasonedException((f"docs/{name}.md",), "tick", "A reason.") for name in ("b", "z"))
    stop_list = make_list(TICK, exceptions=(used, unused), skipped=("old/*",))
    hits, messages = search_tree(stop_list, tmp_path)
    assert [str(hit) for hit in hits] == ["docs/a.md:1: 'tick': say sweep"]
    assert messages == {"stop_list.toml: no text needs the exception 'tick' in docs/z.md"}
    assert search_tree(stop_list, tmp_path, only=["docs/b.md"]) == ([], set())
    assert [hit.path for hit in search_tree(stop_list, tmp_path, only=["docs"])[0]] == ["docs/a.md"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[term]]\npattern = "a"\n', "missing"),
        ('[[term]]\npattern = "("\nsay = "b"\nhints = []\nhits = []\nmisses = []\n', "not a valid regular expression"),
        (
            '[[term]]\npattern = "a"\nsay = "b"\nhints = []\nhits = []\nmisses = []\nwhere = "x"\n',
            "`where` must be one",
        ),
        ('term = []\n[[skip]]\npath = "a"\nreason = " "\n', "must have a `reason`"),
        ('term = []\n[[skip]]\nreason = "b"\n', "path"),
    ],
)
def test_a_wrong_stop_list_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.toml").write_text(text)
    with pytest.raises(StopListError, match=message):
        read_stop_list(tmp_path / "list.toml")


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "does-not-exist"]) == 2
    assert "does-not-exist does not exist" in capsys.readouterr().err
    assert main(["--only", str(ROOT / "infra/checks/language"), str(STOP_LIST)]) == 0
    assert capsys.readouterr().out == "language: 0 phrases to replace, 0 exceptions without use\n"


def test_a_docstring_is_a_string_that_is_a_statement() -> None:
    source = Source("x.py", 'x = """a"""\n\n\ndef f() -> None:\n    """b"""\n')
    position = source.text.index
    assert source.is_one_of(frozenset({"string"}), (position("a"), position("a") + 1))
    assert source.is_one_of(frozenset({"docstring"}), (position('b"'), position('b"') + 1))
