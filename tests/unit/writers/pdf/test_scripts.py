"""Text in every script, as others read it and as it looks: PDFium, poppler, pypdf, qpdf and fontTools, none of
which wrote it.

The fonts are test dependencies; no test is skipped because a font is missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fontTools.cffLib import CFFFontSet
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.recordingPen import DecomposingRecordingPen, RecordingPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from resma.errors import SettingsInvalidError
from resma.i18n.locales import cldr_locale
from resma.report.header import Column
from resma.writers.pdf.fonts import font_index, glyph_codes
from resma.writers.pdf.fonts.embed import font_resources
from resma.writers.pdf.fonts.font_index import FontIndex, installed_fonts
from resma.writers.pdf.fonts.glyph_codes import WideState, find_typeface
from resma.writers.pdf.fonts.own_faces import FONTS
from resma.writers.pdf.fonts.typefaces import Typeface
from resma.writers.pdf.text import unicode
from resma.writers.pdf.text.line_breaks import clusters
from resma.writers.pdf.text.shaping import segments
from resma.writers.pdf.text.unicode import WideText
from resma.writers.pdf.text.used_codes import no_codes
from resma.writers.saved_state import dump_state, load_state
from tests.support import pdf_samples
from tests.support.pdf_readers import draw_page, read_in_order, require_valid_pdf
from tests.support.pdf_samples import batch, header, make
from tests.support.poppler import draw_by_poppler, read_by_poppler
from tests.support.random_search import make_random, random_search
from tests.support.scripts import MIXED, TEXTS


@pytest.fixture(scope="module", autouse=True)
def _fonts() -> None:
    for char, script in (("ש", "Hebrew"), ("ش", "Arabic"), ("中", "Chinese"), ("の", "Japanese"), ("ह", "Devanagari")):
        if not installed_fonts("R").find(char):
            pytest.fail(f"No font for {script}. These tests need the extra `scripts` (docs/fonts.md).")


def pdf(*texts: str, letter: str = "R") -> bytes:
    """Returns a PDF with one page for each string."""
    state = WideState()
    writer = WideText(letter, state)
    contents = [b"BT 1 0 0 1 20 50 Tm\n%bET\n" % writer.show(text, 20) for text in texts]
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    fonts = font_resources({letter: state}, no_codes(), add)
    top = len(objects) + 2 * len(texts) + 1
    kids = []
    for content in contents:
        stream = add(b"<</Length %d>>stream\n%b\nendstream" % (len(content), content))
        page = b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 600 100]/Contents %d 0 R/Resources<</Font<<%b>>>>>>"
        kids.append(b"%d 0 R" % add(page % (top, stream, fonts)))
    add(b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(kids), b" ".join(kids)))
    add(b"<</Type/Catalog/Pages %d 0 R>>" % top)
    return _file(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    data = b"%PDF-1.7\n"
    entries = []
    for number, body in enumerate(objects, 1):
        entries.append(b"%010d 00000 n \n" % len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, b"".join(entries))
    trailer = b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return data + table + trailer % (len(objects) + 1, len(objects), len(data))


def fonts_of(data: bytes) -> dict[str, Any]:
    """Returns the Type 0 fonts by their resource names."""
    resources: Any = PdfReader(BytesIO(data), strict=True).pages[0]["/Resources"]
    fonts = resources["/Font"]
    return {name: font for name, font in fonts.items() if font["/Subtype"] == "/Type0"}


@pytest.mark.parametrize("letter", ["R", "B"])
@pytest.mark.parametrize("script", TEXTS)
def test_packages_of_the_project_have_a_font_for_every_script(
    script: str, letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(font_index, "_SYSTEM_FOLDERS", ())
    monkeypatch.delenv(font_index.FOLDERS_VARIABLE, raising=False)
    installed_fonts.cache_clear()
    try:
        writer = WideText(letter, WideState())
        writer.show(TEXTS[script], 20)
        assert list(writer.missing) == []
    finally:
        installed_fonts.cache_clear()


@pytest.mark.parametrize("text", ["ශ්\u200dරී", "ক্\u200dষ", "ക്\u200d", "र्\u200dय", "क्\u200cष", "ක්\u200dය"])
def test_joiners_between_indic_letters_are_shaped_with_them(text: str) -> None:
    """They decide which form the letters have: the name of Sri Lanka has one."""
    assert list(segments(text)) == [(text, False)]
    assert read_by_poppler(pdf(f"a {text} b")) == [f"a {text} b"]


def test_poppler_reads_the_same_strings() -> None:
    texts = [*TEXTS.values(), *MIXED.values()]
    assert read_in_order(pdf(*texts)) == texts


def test_texts_are_read_back_by_poppler() -> None:
    texts = [*TEXTS.values(), *MIXED.values()]
    assert read_by_poppler(pdf(*texts)) == texts


HEBREW_IN_ENGLISH = "Invoice תשלום חשבון paid"


def test_hebrew_in_english() -> None:
    """poppler moves the space after right-to-left words; pypdf does not."""
    data = pdf(HEBREW_IN_ENGLISH)
    assert PdfReader(BytesIO(data), strict=True).pages[0].extract_text() == HEBREW_IN_ENGLISH
    assert read_in_order(data) == ["Invoice חשבון תשלום paid"]


def test_poppler_moves_the_space_behind_hebrew_and_keeps_the_words_in_order() -> None:
    [text] = read_by_poppler(pdf(HEBREW_IN_ENGLISH))
    assert text.replace(" ", "") == HEBREW_IN_ENGLISH.replace(" ", "")


@pytest.mark.parametrize("script", TEXTS)
def test_pypdf_reads_the_same_strings(script: str) -> None:
    page = PdfReader(BytesIO(pdf(TEXTS[script])), strict=True).pages[0]
    assert page.extract_text() == TEXTS[script]


@pytest.mark.parametrize("letter", ["R", "B"])
def test_files_are_sound(letter: str) -> None:
    texts = [*TEXTS.values(), *MIXED.values()]
    data = pdf(*texts, letter=letter)
    require_valid_pdf(data)
    for number, text in enumerate(texts, 1):
        assert min(draw_page(data, number, 50, gray=True).tobytes()) < 128, text


@pytest.mark.parametrize("letter", ["R", "B"])
def test_poppler_draws_all_scripts_without_a_complaint(letter: str) -> None:
    draw_by_poppler(pdf(*TEXTS.values(), *MIXED.values(), letter=letter), 50)


def ink_columns(text: str) -> list[bool]:
    """Returns which columns of pixels have ink, from the first to the last that has."""
    image = draw_page(pdf(text), 1, 200, gray=True)
    pixels = image.tobytes()
    columns = [min(pixels[x :: image.width]) < 128 for x in range(image.width)]
    return columns[columns.index(True) : image.width - columns[::-1].index(True)]


def test_arabic_letters_join() -> None:
    assert all(ink_columns("ببب"))  # no gap anywhere
    assert not all(ink_columns("ب ب ب"))


def test_lam_and_alef_are_one_glyph() -> None:
    writer = WideText("R", WideState())
    assert writer.measure("لا") < writer.measure("ل") + writer.measure("ا")


def visual_order(text: str) -> str:
    return "".join(part[::-1] if right_to_left else part for part, right_to_left in segments(text))


def test_visual_order() -> None:
    assert visual_order("אבג") == "גבא"
    assert visual_order("אב 123.45 גד") == "דג 123.45 בא"  # numbers are not reversed
    assert visual_order("אב ٤٥٦") == "٤٥٦ בא"
    assert visual_order("אב (גד)") == "(דג) בא"  # brackets are mirrored
    assert visual_order("a (אב) [b]") == "a (בא) [b]"
    assert visual_order("abc") == "abc"
    assert visual_order("\u202eab\u202c\u200f") == "ba"  # directional formatting characters are invisible


def programs(font: Any) -> tuple[Any, dict[int, str], Any]:
    """Returns the glyph set of a Type 0 font as fontTools reads it, names of glyphs by code, and the CIDFont."""
    cid_font = font["/DescendantFonts"][0]
    descriptor = cid_font["/FontDescriptor"]
    if "/FontFile2" in descriptor:
        read = TTFont(BytesIO(descriptor["/FontFile2"].get_data()))
        to_glyphs = cid_font["/CIDToGIDMap"].get_data()
        numbers = [int.from_bytes(to_glyphs[at : at + 2], "big") for at in range(0, len(to_glyphs), 2)]
        return read.getGlyphSet(), {code: read.getGlyphName(number) for code, number in enumerate(numbers)}, cid_font
    cff = CFFFontSet()
    cff.decompile(BytesIO(descriptor["/FontFile3"].get_data()), None)
    names = cff[0].charset
    return cff[0].CharStrings, {int(name[3:]): name for name in names[1:]} | {0: ".notdef"}, cid_font


def outline(glyphs: Any, name: str) -> tuple[list[str], list[float]]:
    """Returns the drawing operations of a glyph, and all coordinates."""
    pen = DecomposingRecordingPen(glyphs) if hasattr(glyphs, "font") else RecordingPen()
    glyphs[name].draw(pen)
    points = [point for _, points in pen.value for point in points if point]
    return [step for step, _ in pen.value], [coordinate for point in points for coordinate in point]


def source(typeface: Typeface) -> TTFont:
    font = TTFont(typeface.path, fontNumber=typeface.index if typeface.path.suffix == ".ttc" else -1)
    return instantiateVariableFont(font, typeface.variation) if typeface.variation else font


@pytest.mark.long
@pytest.mark.parametrize("letter", ["R", "B"])
def test_codes_map_to_the_glyphs_of_their_characters(letter: str) -> None:
    """In each embedded font, every code has the outline and the width of the glyph in the installed font."""
    state = WideState()
    writer = WideText(letter, state)
    for text in TEXTS.values():
        writer.show(text, 7)
    fonts = fonts_of(pdf(*TEXTS.values(), letter=letter))
    assert len(fonts) == len(state.typefaces) >= 4
    for used, font in zip(state.typefaces, fonts.values(), strict=True):
        whole_typeface = glyph_codes.find_typeface(letter, used)
        whole = source(whole_typeface)
        whole_glyphs = whole.getGlyphSet()
        glyphs, names, cid_font = programs(font)
        widths = cid_font["/W"][1]
        scale = 1000 / whole["head"].unitsPerEm
        assert len(widths) == len(used.glyphs)
        for code, glyph in enumerate(used.glyphs):
            name = whole.getGlyphName(glyph)
            steps, coordinates = outline(glyphs, names[code])
            whole_steps, whole_coordinates = outline(whole_glyphs, name)
            assert steps == whole_steps
            assert coordinates == pytest.approx(whole_coordinates, abs=1)  # instances of variable fonts are rounded
            tolerance = 1 if whole_typeface.variation else 0.5
            # Code 0 is never shown, and its width in Noto's variable fonts is inconsistent.
            assert not code or abs(float(widths[code]) - whole_glyphs[name].width * scale) <= tolerance


def test_simple_characters_have_the_glyph_of_the_character_map() -> None:
    state = WideState()
    WideText("R", state).show("支付請求書송금Ж", 7)
    for used in state.typefaces:
        best = source(glyph_codes.find_typeface("R", used))
        for glyph, text in list(zip(used.glyphs, used.texts, strict=True))[1:]:
            assert best.getBestCmap()[ord(text)] == best.getGlyphName(glyph)


@random_search
def test_a_resumed_state_gives_the_same_bytes() -> None:
    texts = [*TEXTS.values(), *MIXED.values()] * 2
    make_random(4).shuffle(texts)
    state = WideState()
    writer = WideText("R", state)
    once = b"".join([writer.show(text, 7) for text in texts])
    halves = WideState()
    data = b""
    for start, end in pairwise(range(0, len(texts) + 1, 2)):
        halves = load_state(dump_state(halves), halves)
        later = WideText("R", halves)
        data += b"".join([later.show(text, 7) for text in texts[start:end]])
    assert data == once
    assert halves == state


def test_only_shown_text_is_in_the_state() -> None:
    state = WideState()
    writer = WideText("R", state)
    writer.measure("中文 שלום")
    writer.cut("中文 שלום", 900)
    assert state == WideState()


def test_fonts_that_were_removed_since_the_report_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    state = WideState()
    WideText("R", state).show("中", 7)
    monkeypatch.setattr(glyph_codes, "installed_fonts", lambda letter, _: FontIndex(letter, ()))
    with pytest.raises(SettingsInvalidError, match=state.typefaces[1].file):
        WideText("R", state)


def test_without_fonts_text_can_still_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyph_codes, "installed_fonts", lambda letter, _: FontIndex(letter, ()))
    assert read_in_order(pdf("中文 123", "नमस्ते", "שלום")) == ["中文 123", "नमस्ते", "שלום"]


def test_fonts_are_searched_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def searched(letter: str, variant: int) -> object:
        raise AssertionError(letter)

    monkeypatch.setattr(glyph_codes, "installed_fonts", searched)
    writer = WideText("R", WideState())
    assert writer.show("Жук Ωμέγα Łódź", 7)
    with pytest.raises(AssertionError):
        writer.show("中", 7)


def file_with(fonts: FontIndex, char: str) -> str | None:
    found = fonts.find(char)
    return found.path.name if found else None


def test_folders_of_the_setting_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chinese = installed_fonts("R").find("中")
    assert chinese
    shutil.copy(FONTS / "Roboto-Regular.ttf", tmp_path / "A.ttf")
    shutil.copy(FONTS / "Roboto-Bold.ttf", tmp_path / "A-Bold.ttf")
    (tmp_path / "B.ttf").write_bytes(b"not a font")
    monkeypatch.setenv("RESMA_FONTS", f"/nowhere:{tmp_path}")
    for letter, first in (("R", "A.ttf"), ("B", "A-Bold.ttf")):
        fonts = font_index.installed_fonts.__wrapped__(letter)
        found = fonts.find("Ж")
        assert found is not None
        assert found.path.name == first
        assert not list(fonts.find_file("B.ttf"))
        assert file_with(fonts, "中") == chinese.path.name


def font_with(path: Path, *characters: str) -> None:
    """Writes a small TrueType font with these characters, all of which are the same square."""
    pen = TTGlyphPen(None)
    for step, point in (("moveTo", (0, 0)), ("lineTo", (0, 500)), ("lineTo", (500, 500)), ("lineTo", (500, 0))):
        getattr(pen, step)(point)
    pen.closePath()
    names = [f"u{ord(char):04X}" for char in characters]
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", *names])
    builder.setupCharacterMap({ord(char): name for char, name in zip(characters, names, strict=True)})
    builder.setupGlyf(dict.fromkeys([".notdef", *names], pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names], (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "psName": path.stem})
    builder.setupPost()
    builder.save(path)


def test_a_font_is_found_by_its_characters_in_a_folder_of_many(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number in range(300):
        font_with(tmp_path / f"Font{number:03}.ttf", chr(0xE000 + number))
    (tmp_path / "zz").mkdir()
    font_with(tmp_path / "zz" / "Last.ttf", "\U00010900")
    monkeypatch.setenv("RESMA_FONTS", str(tmp_path))
    fonts = font_index.installed_fonts.__wrapped__("R")
    assert file_with(fonts, chr(0xE000 + 250)) == "Font250.ttf"
    assert file_with(fonts, "\U00010900") == "Last.ttf"
    assert file_with(fonts, "中") == "NotoSansCJK-Regular.ttc"  # other fonts can still be found
    assert fonts.find("\U0010fffd") is None


def test_the_style_of_the_face_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for style in ("Black", "Bold", "CondensedRegular", "Italic", "Regular", "Thin"):
        font_with(tmp_path / f"Some-{style}.ttf", "\U00010900")
    font_with(tmp_path / "ASerif-Regular.ttf", "\U00010900")
    monkeypatch.setenv("RESMA_FONTS", str(tmp_path))
    for letter, style in (("R", "Regular"), ("B", "Bold")):
        assert file_with(font_index.installed_fonts.__wrapped__(letter), "\U00010900") == f"Some-{style}.ttf"


def test_more_characters_than_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyph_codes, "MAX_CODES", 5)
    monkeypatch.setattr(glyph_codes, "MAX_FONTS", 1)
    assert read_in_order(pdf("жабвгд")) == ["жаб\ufffd\ufffd\ufffd"]


def test_full_caches_do_not_change_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*TEXTS.values(), *MIXED.values()] * 2
    once, again = (WideText("R", WideState()) for _ in range(2))
    data = [once.show(text, 7) for text in texts]
    for bound in ("_MAX_CHARACTERS", "_MAX_WORDS", "_MAX_STRINGS"):
        monkeypatch.setattr(unicode, bound, 2)
    assert [again.show(text, 7) for text in texts] == data


def cff_font(path: Path) -> None:
    """Writes a small OpenType font whose glyphs have names."""
    pen = T2CharStringPen(500, None)
    builder = FontBuilder(1000, isTTF=False)
    builder.setupGlyphOrder([".notdef", "uni4E2D"])
    builder.setupCharacterMap({0x4E2D: "uni4E2D"})
    builder.setupCFF("Named", {}, dict.fromkeys([".notdef", "uni4E2D"], pen.getCharString()), {})
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", "uni4E2D"], (500, 0)))
    builder.setupHorizontalHeader()
    builder.setupPost()
    builder.save(path)


def test_fonts_that_cannot_be_embedded_are_skipped(tmp_path: Path) -> None:
    cff_font(tmp_path / "Named.otf")
    assert not Typeface(tmp_path / "Named.otf").is_embeddable
    chinese = installed_fonts("R").find("中")
    assert chinese
    assert chinese.is_cff
    assert chinese.is_embeddable


def test_line_breaks_and_controls() -> None:
    text = "Ж\na\r\nb\tc\u2028d\ufeff\ufffe"
    assert read_in_order(pdf(text)) == ["Ж¶a¶b c¶d\ufffd"]
    writer = WideText("R", WideState())
    assert writer.measure("Ж\n") == writer.measure("Ж¶")


@pytest.mark.parametrize("script", [*TEXTS, *MIXED])
def test_strings_are_cut_to_the_width(script: str) -> None:
    text = (TEXTS | MIXED)[script]
    writer = WideText("R", WideState())
    whole = writer.measure(text)
    assert writer.cut(text, whole) == text
    lengths = []
    for limit in range(700, int(whole), 100):
        cut = writer.cut(text, limit)
        assert writer.measure(cut) <= limit
        assert cut.endswith("…")
        assert text.startswith(cut[:-1].rstrip())
        lengths.append(len(cut))
    assert max(lengths) >= len(text) - len("".join(clusters(text)[-3:]))


def test_cut_letters_are_not_separated_from_their_marks() -> None:
    writer = WideText("R", WideState())
    text = "e\u0301" * 20
    assert {len(writer.cut(text, limit)) % 2 for limit in range(700, 5000, 50)} == {1}  # pairs, and the ellipsis


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_any_string_can_be_shown(text: str) -> None:
    writer = WideText("R", WideState())
    assert writer.measure(text) >= 0
    cut = writer.cut(text, 3000)
    assert cut == text or writer.measure(cut) <= 3000
    shown = writer.show(text, 7)
    assert shown.count(b"[") >= shown.count(b"]TJ")
    assert writer.show(text, 7) == shown


@pytest.mark.parametrize(
    ("tag", "index"), [("ja-JP", 0), ("ko-KR", 1), ("zh-CN", 2), ("zh-TW", 3), ("zh-HK", 4), ("en-US", 2)]
)
def test_shared_characters_are_drawn_as_in_the_language_of_the_report(tag: str, index: int) -> None:
    """Noto Sans CJK draws characters such as 直 differently for each language. A state finds its variant again."""
    locale = cldr_locale(tag)
    assert locale is not None
    writer = make(header(1, locale=locale))
    writer.begin()
    writer.add(batch([("1", None, "直接", None, None)]))
    writer.end()
    used = [each for each in writer.state.wide["R"].typefaces if each.file.startswith("NotoSansCJK-")]
    assert [each.index for each in used] == [index]
    assert find_typeface("R", used[0]).index == index


@pytest.mark.parametrize("text", ["\ufeff", "\u200b", "\u2060", "\u2061", "\U000e0041", "\u200b\ufeff"])
@pytest.mark.parametrize("wrap", [False, True])
def test_text_without_a_glyph_selects_no_font(text: str, wrap: bool) -> None:
    """A report in which no other text needs these fonts has no such fonts."""
    columns = (Column("a", text, width=3, wrap=wrap), Column("b", "B"))
    head = header(1, columns=columns, title=text, filters=(("F", text),), totals=(), total_columns=())
    data = pdf_samples.pdf(head, [(text, "z")])
    require_valid_pdf(data)
    assert "z" in "".join(read_by_poppler(data))
