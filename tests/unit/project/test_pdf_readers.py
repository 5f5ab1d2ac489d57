"""What the tests read PDFs with finds errors, and tells words and their places."""

from __future__ import annotations

import zlib

import pytest

from tests.support.pdf_readers import draw_page, read_in_order, read_pages, require_valid_pdf


def make_pdf(content: bytes) -> bytes:
    """A file of one page, 300 by 200 points, with Helvetica."""
    stream = zlib.compress(content)
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    )
    data, places = b"%PDF-1.7\n", b"0000000000 65535 f \n"
    for number, text in enumerate(objects, 1):
        places += b"%010d 00000 n \n" % len(data)
        data += b"%d 0 obj\n%b\nendobj\n" % (number, text)
    trailer = b"xref\n0 6\n%btrailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return data + trailer % (places, len(data))


SOUND = make_pdf(b"BT /F 10 Tf 20 150 Td (Hello) Tj ET")


def test_a_sound_file_is_valid() -> None:
    require_valid_pdf(SOUND)


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (SOUND.replace(b"startxref", b"startxxxx"), "can't find startxref"),
        (SOUND.replace(b"/Length ", b"/Lengtx "), "lacks /Length"),
        (SOUND.replace(b"stream\nx", b"stream\ny", 1), "error decoding stream"),
        (SOUND.replace(b"%PDF-1.7", b"%PDX-1.7"), "can't find PDF header"),
        (SOUND.replace(b"/Kids[3 0 R]", b"/Kids[9 0 R]"), "page"),
        (make_pdf(b"BT /F 10 Tf (Hello Tj ET"), "content"),
        (b"", "can't find PDF header"),
    ],
    ids=["no startxref", "no length", "damaged stream", "no header", "no page", "damaged content", "empty"],
)
def test_a_damaged_file_is_not(damaged: bytes, message: str) -> None:
    assert damaged != SOUND
    with pytest.raises(AssertionError, match=message):
        require_valid_pdf(damaged)


def test_words_have_the_places_that_the_file_gives_them() -> None:
    [page] = read_pages(make_pdf(b"BT /F 10 Tf 20 150 Td (ab cd) Tj ET"))
    assert (page.width, page.height) == (300, 200)
    first, second = page.words
    assert (first.text, second.text) == ("ab", "cd")
    # Helvetica's a, b and d are 0.556 wide, its space is 0.278.
    assert (first.left, first.right) == pytest.approx((20, 20 + 2 * 5.56), abs=0.01)
    assert second.left == pytest.approx(20 + 2 * 5.56 + 2.78, abs=0.01)
    assert first.baseline == pytest.approx(50, abs=0.01)
    assert 38 < first.top < 45
    assert 50 < first.bottom < 54


def test_lines_go_from_top_to_bottom_and_words_from_left_to_right() -> None:
    texts = ((200, 150, b"3"), (20, 100, b"4-"), (20, 90, b"5"), (20, 150.5, b"1 2"))
    shown = b"".join(b"BT /F 10 Tf %.1f %.1f Td (%b) Tj ET\n" % text for text in texts)
    [page] = read_pages(make_pdf(shown))
    assert page.text == "1 2 3\n4-\n5"


def test_text_comes_in_the_order_of_the_file() -> None:
    texts = ((20, 50, b"first"), (20, 100, b"second"))
    shown = b"".join(b"BT /F 10 Tf %d %d Td (%b) Tj ET\n" % text for text in texts)
    assert read_in_order(make_pdf(shown)) == ["first\nsecond"]


def test_a_page_is_drawn_where_there_is_something() -> None:
    image = draw_page(make_pdf(b"0 0 150 200 re f"), 1, 72, gray=True)
    assert image.size == (300, 200)
    assert [image.getpixel((x, 100)) for x in (75, 225)] == [0, 255]
