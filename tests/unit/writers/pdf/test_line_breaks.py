"""Line breaks in cells that wrap, as PDF readers return the lines."""

from __future__ import annotations

from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resma.report.header import Column
from resma.writers.pdf.front.style import wrapped
from resma.writers.pdf.text.line_breaks import clusters
from tests.support.pdf_readers import join_lines, read_pages
from tests.support.pdf_samples import header, pdf
from tests.support.sample_reports import NOT_SHOWN
from tests.support.scripts import TEXTS

NARROW = 0.06
"""Share of the page's width: about ten Latin letters."""


def lines(text: str) -> list[str]:
    """Returns a function that reads the lines of a string in a narrow column with poppler."""
    columns = (
        Column(name="text", heading="T", wrap=True, width=NARROW),
        Column(name="rest", heading="R", width=1 - NARROW),
    )
    [_, page] = read_pages(pdf(header(1, columns=columns, totals=(), total_columns=NOT_SHOWN), [(text, None)]))
    return join_lines([word for word in page.words if word.left < 95 and 54 < word.bottom < 534])


def joined(lines: list[str]) -> str:
    return "".join(lines).replace(" ", "")


def test_lines_break_after_hyphens() -> None:
    assert lines("credit-card-payment") == ["credit-card-", "payment"]


def test_no_line_begins_with_a_full_stop_or_closing_mark() -> None:
    text = "付款已收到。请确认金额，谢谢。「日本」、です。" * 3
    found = lines(text)
    assert joined(found) == text
    assert len(found) > 6
    assert not [line for line in found if line[0] in "。，、」"]
    assert not [line for line in found if line[-1] in "「"]


def test_letters_are_not_separated_from_their_marks() -> None:
    text = "अंतर्राष्ट्रीय" * 6
    found = lines(text)
    assert len(found) > 3
    assert joined(found) == text
    ends = {sum(map(len, clusters(text)[:count])) for count in range(len(clusters(text)) + 1)}
    at = 0
    for line in found:
        at += len(line.replace(" ", ""))
        assert at in ends


def test_hindi_words_are_not_split() -> None:
    text = "नमस्ते दुनिया यह एक परीक्षण है और यह ठीक है"
    assert " ".join(lines(text)).split() == text.split()


@pytest.mark.parametrize("cluster", ["🇩🇪", "👍🏽"])
def test_emoji_are_not_split(cluster: str) -> None:
    found = lines(cluster * 30)
    assert len(found) > 2
    assert {line.replace(" ", "").replace(cluster, "") for line in found} == {""}


def test_joined_emoji_are_not_split() -> None:
    family = "👨\u200d👩\u200d👧"
    for line in lines(family * 20):
        assert line[0] == "👨"
        assert line[-1] == "👧"


def test_soft_hyphens_are_visible_only_at_line_breaks() -> None:
    found = [line.replace("\u00ad", "") for line in lines("Donau\u00addampf\u00adschiff\u00adfahrt")]
    assert len(found) >= 2
    assert all(line.endswith("-") for line in found[:-1])
    assert "".join(found).replace("-", "") == "Donaudampfschifffahrt"
    [whole] = lines("co\u00adop")
    assert whole.replace("\u00ad", "") == "coop"


def test_no_break_at_a_no_break_space_and_a_break_at_a_zero_width_space() -> None:
    assert "EUR\u00a0100" in " ".join(lines("amount EUR\u00a0100")).replace("EUR 100", "EUR\u00a0100")
    assert lines("amountof\u200bsomething") == ["amountof", "something"]


def test_text_without_spaces_is_broken_anywhere() -> None:
    for text in ("x" * 100, "การชำระเงินระหว่างประเทศ" * 3):
        found = lines(text)
        assert len(found) > 3
        assert joined(found) == text


def test_filters_on_the_cover_have_the_same_line_breaks() -> None:
    assert wrapped("credit-card-payment", 10, len) == ["credit-", "card-", "payment"]
    assert wrapped("付款已收到。请", 5, len) == ["付款已收", "到。请"]
    found = wrapped("ab\u00ad" * 4, 4, lambda text: len(text.replace("\u00ad", "")))
    assert [line.replace("\u00ad", "") for line in found] == ["ab-", "ab-", "abab"]


@given(st.text(st.sampled_from("ab -\u00ad你。（🇩🇪👍🏽\u200de\u0301कि\u094d "), max_size=60), st.integers(3, 12))
def test_any_text_is_complete_and_fits(text: str, max_width: int) -> None:
    def measure(part: str) -> int:
        return len(part.replace("\u00ad", ""))

    found = wrapped(text, max_width, measure)
    breaks = sum(len(cluster) for cluster in clusters(text))
    assert breaks == len(text)
    for line in found:
        assert measure(line) <= max_width or len(clusters(line.removesuffix("-"))) == 1
    remaining = "".join(found).replace(" ", "").replace("-", "").replace("\u00ad", "")
    assert remaining == text.replace(" ", "").replace("-", "").replace("\u00ad", "")


def test_bytes_do_not_depend_on_batches() -> None:
    texts = [*TEXTS.values(), "\u00ad".join(TEXTS.values()), "\U00010900 " * 30, "\ufffd"] * 40
    columns = (Column(name="a", heading="A", wrap=True), Column(name="b", heading="B"))
    rows = [(text, text) for text in texts]
    head = header(len(rows), columns=columns, totals=(), total_columns=NOT_SHOWN)
    assert pdf(head, rows, repeat(7)) == pdf(head, rows)
