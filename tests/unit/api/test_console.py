"""Files of the console: all words exist in both languages, values never become markup, and modules are small."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from api.pages.console import FOLDER
from resma.i18n.locales import LOCALES, Weekday
from tests.support.console_words import ENGLISH, PORTUGUESE

MODULES = sorted(FOLDER.rglob("*.js"))
MAX_LINES = 250


def code() -> str:
    """Returns the source of all modules except the words."""
    return "\n".join(path.read_text(encoding="utf-8") for path in MODULES if path.name not in {"en.js", "pt.js"})


def test_weeks_start_on_the_same_day_as_in_the_api() -> None:
    """The preview of a schedule that has not been saved uses the first day of the week of its request's locale."""
    text = (FOLDER / "lib" / "periods.js").read_text(encoding="utf-8")
    (table,) = re.findall(r"WEEK_STARTS_BY_LOCALE = \{ (.+) \};", text)
    days_by_locale = dict(re.findall(r'"([\w-]+)": "(\w+)"', table))
    assert {tag: days_by_locale.get(tag, "monday") for tag in LOCALES} == {
        tag: locale.week_starts_on for tag, locale in LOCALES.items()
    }
    assert days_by_locale.keys() <= LOCALES.keys()
    (days,) = re.findall(r"WEEK_STARTS = \[(.+)\];", text)
    assert tuple(re.findall(r'"(\w+)"', days)) == get_args(Weekday)


def test_both_languages_have_the_same_keys() -> None:
    assert set(ENGLISH) == set(PORTUGUESE)
    assert all(ENGLISH.values())
    assert all(PORTUGUESE.values())


@pytest.mark.parametrize("key", ENGLISH)
def test_both_languages_fill_in_the_same_values(key: str) -> None:
    values = [set(re.findall(r"\{(\w+)\}", words[key])) for words in (ENGLISH, PORTUGUESE)]
    assert values[0] == values[1] or key.endswith(".one")


def used_keys() -> tuple[set[str], set[str]]:
    """Returns the keys in the code, and the prefixes of keys that the code composes."""
    text = code()
    # Every string with the form and the family of a key, including those in conditions.
    whole = {key for key in re.findall(r'"([a-z][a-z-]*\.[\w.-]+)"', text) if key.split(".")[0] in families()}
    plural = set(re.findall(r'many\("([^"]+)"', text))
    prefixes = set(re.findall(r"t\(`([a-z.-]+)\$\{", text))
    families_in_use = {f"{family}." for family in re.findall(r'(?:say|names)\("([a-z-]+)"', text)}
    expanded = {f"{key}.{number}" for key in plural for number in ("one", "other")}
    return (whole - plural) | expanded, prefixes | families_in_use


def families() -> set[str]:
    """Returns the first parts of all keys."""
    return {key.split(".")[0] for key in ENGLISH}


def test_every_key_that_the_code_uses_has_words() -> None:
    whole, prefixes = used_keys()
    events = {
        "report.ready",
        "report.failed",
        "report.cancelled",
        "report.skipped",
    }  # event types of webhooks, not keys
    assert len(whole) > 150
    assert whole - events - set(ENGLISH) == set()
    assert {prefix for prefix in prefixes if not any(key.startswith(prefix) for key in ENGLISH)} == set()


def test_no_words_are_unused() -> None:
    whole, prefixes = used_keys()
    assert {key for key in ENGLISH if key not in whole and not key.startswith(tuple(prefixes))} == set()


_MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|srcdoc|DOMParser"
    r"|\beval\(|new Function|javascript:|setAttribute\(\"(style|on)|localStorage\.setItem\([^)]*key",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_module_never_turns_values_into_markup_and_is_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert _MARKUP.search(text) is None
    assert path.name in {"en.js", "pt.js"} or text.count("\n") <= MAX_LINES
    assert re.search(r"^// \S", text), "each module begins with a comment that describes it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_module_imports_only_what_is_served(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for source in re.findall(r'^import\b[^;"]*"([^"]+)"', text, re.MULTILINE) + re.findall(r'import\("([^"]+)"', text):
        assert source.startswith(("./", "../")), f"{source} must be a module of the console"
        assert (path.parent / source).resolve().is_relative_to(FOLDER)
        assert (path.parent / source).is_file()


class _Page(HTMLParser):
    """Collects the URLs that a page loads, and the inline code that its policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.blocked: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.blocked.append(f"{tag} {name}")
            if name in {"src", "href"} and value and not value.startswith("#"):
                self.urls.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in {"script", "style"} and data.strip():
            self.blocked.append(f"inline {self._within}")


def test_the_page_has_no_inline_code_and_loads_only_its_own_files_by_relative_urls() -> None:
    page = _Page()
    page.feed((FOLDER / "index.html").read_text(encoding="utf-8"))
    assert page.blocked == []
    assert len(page.urls) > 3
    for url in page.urls:
        assert url.startswith("console/"), "URLs must be relative, because the page can be below the path of a stage"
        assert (FOLDER / url.removeprefix("console/")).is_file()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.css")), ids=lambda path: path.name)
def test_a_style_sheet_loads_nothing(path: Path) -> None:
    assert re.search(r"url\(|@import|@font-face", path.read_text(encoding="utf-8")) is None
