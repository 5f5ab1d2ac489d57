"""The table [brand] of resma.toml: colors with contrast, strings by language, and logos in SVG and PNG."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from resma.catalog import brand_in_use, check_settings
from resma.catalog.settings.logo import LogoError, read_logo
from resma.report.brand import PixelLogo, VectorLogo
from resma.report.colors import contrast_with_white, darkened

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 50">{}</svg>'
SQUARE = '<path d="M0 0h10v10H0z" fill="#0b5fff"/>'
COPIES = "<g id='a0'><path d='M0 0h1v1z'/></g>" + "".join(
    f"<g id='a{level}'>" + f"<use href='#a{level - 1}'/>" * 10 + "</g>" for level in range(1, 8)
)
"""Ten million squares."""


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height), "red").save(buffer, "PNG")
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """Returns the start of a PNG file without pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + bytes(4) + b"IDAT"
    )


def errors_of(folder: Path, brand: str) -> list[str]:
    (folder / "resma.toml").write_text(f"[brand]\n{brand}\n", encoding="utf-8")
    settings, errors = check_settings(folder)
    assert (settings is None) == bool(errors)
    assert all(error.line for error in errors)
    return [error.message for error in errors]


def test_a_whole_brand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logo.svg").write_text(SVG.format(SQUARE))
    brand = """
        name = "Northwind Traders"
        logo = "logo.svg"
        primary_color = "#0b5fff"
        accent_color = "#F2A900"
        footer = "1 Main Street"
        legal = { en = "Registered", fr = "Immatriculée" }
    """
    assert errors_of(tmp_path, brand) == []
    monkeypatch.setenv("RESMA_CATALOG", str(tmp_path))
    found = brand_in_use("fr")
    assert (found.primary, found.accent, found.footer, found.legal) == (
        "0b5fff", "f2a900", "1 Main Street", "Immatriculée",
    )  # fmt: skip
    assert isinstance(found.logo, VectorLogo)
    assert brand_in_use("it").legal == "Registered"


@pytest.mark.parametrize(
    ("brand", "message"),
    [
        ('primary_color = "blue"', 'It must be a color of six hexadecimal digits, like "#0b5fff".'),
        ('primary_color = "#f2a900"', "Its contrast with white is 2.0, and text needs 4.5. Use a darker color, like"),
        ('accent_color = "#ffffe0"', "Its contrast with white is 1.0, and a line needs 1.5."),
        ('footer = ""', "must not be ''. Write a string."),
        ("legal = 'x'\nfooter = '" + "x" * 201 + "'", "It has 201 characters. Shorten it to 200."),
        ('logo = "none.svg"', "The logo 'none.svg' does not exist. Its path is relative to resma.toml."),
        ('logo = "../logo.svg"', "It must be a file in the folder of the catalog"),
        ('logo = "/etc/logo.svg"', "It must be a file in the folder of the catalog"),
        ('logo = ""', "It must not be empty."),
        ('hue = "#000000"', "The key `hue` is unknown."),
    ],
)
def test_wrong_settings(tmp_path: Path, brand: str, message: str) -> None:
    [error] = errors_of(tmp_path, brand)
    assert message in error


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    assert len(errors_of(tmp_path, 'primary_color = "red"\naccent_color = "#fff"\nname = ""')) == 3


def test_a_proposed_color_has_enough_contrast() -> None:
    assert contrast_with_white("000000") == pytest.approx(21)
    assert contrast_with_white("ffffff") == pytest.approx(1)
    assert contrast_with_white(darkened("f2a900", 4.5)) >= 4.5
    assert darkened("000080", 4.5) == "000080"


def test_shapes_of_svg(tmp_path: Path) -> None:
    """Transforms, classes and inherited properties are resolved. The y axis points upwards."""
    (tmp_path / "a.svg").write_text(
        SVG.format(
            "<style>.a{fill:#ff0000}</style><g transform='translate(10,20)' stroke='#000'><rect class='a' width='4' "
            "height='6'/><path d='M0 0Q1 1 2 0A1 1 0 0 1 4 0' fill='none' stroke-width='2'/></g>"
            "<circle cx='9' cy='9' r='3' opacity='0.5' fill-rule='evenodd'/><path d='M0 0' fill='none'/>"
        )
    )
    logo = read_logo(tmp_path / "a.svg")
    assert isinstance(logo, VectorLogo)
    assert (logo.width, logo.height) == (200, 50)
    rect, path, circle = logo.shapes
    assert (rect.fill, rect.stroke) == ("FF0000", "000000")
    assert rect.operations[0] == ("m", (10.0, 30.0))
    assert (path.fill, path.stroke_width) == (None, 2.0)
    assert [operation for operation, _ in path.operations] == ["m", "c", *["c"] * (len(path.operations) - 2)]
    assert (circle.fill, circle.even_odd) == ("808080", True)


def test_pixels_of_png(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(2400, 600))
    logo = read_logo(tmp_path / "a.png")
    assert isinstance(logo, PixelLogo)
    assert (logo.width, logo.height) == (1200, 300)
    assert logo.rgb == b"\xff\0\0" * (1200 * 300)
    (tmp_path / "b.png").write_bytes(png(4, 4, "RGBA"))
    assert isinstance(read_logo(tmp_path / "b.png"), PixelLogo)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GIF89a", "The logo is neither an SVG file nor a PNG file. Convert it to one of them."),
        (b"", "The logo is neither an SVG file nor a PNG file."),
        (png(10, 10)[:40], "The logo is not a valid PNG file. Export it again."),
        (png(5000, 4000), "The logo has 5000 x 4000 pixels. Make it smaller"),
        (png(500, 10), "The logo is 500 x 10. No side may be more than 20 times the other."),
        (b"<svg", "The logo is not a valid SVG file"),
        (b"<html><svg/></html>", "The logo is XML, but not SVG."),
        (SVG.format("").encode(), "The logo draws nothing."),
        (SVG.format(SQUARE + " " * 300_000).encode(), "The logo has 294 KiB. An SVG file must have at most 256 KiB."),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9v9z"/></svg>', "The logo has no valid `viewBox`."),
        (b"<!DOCTYPE svg [<!ENTITY a 'b'>]>" + SVG.format(SQUARE).encode(), "The logo declares XML entities."),
        (
            SVG.format("<text>Northwind</text><image/><script/><g clip-path='url(#a)'/>").encode(),
            "The logo uses clip-path, image, script, text, url(), which is not supported.",
        ),
        (SVG.format("<path d='M0 0" + "h1v1" * 10_001 + "z'/>").encode(), "The logo has more than 20,000 lines"),
        (
            SVG.format("<path d='M0 0" + "a5 5 0 1 1 1 1" * 5_100 + "'/>").encode(),
            "The logo has more than 20,000 lines",
        ),
        (SVG.format(COPIES).encode(), "The logo copies too many elements by <use>."),
        (
            SVG.format("<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g>").encode(),
            "contains itself by <use>",
        ),
        (SVG.format("<g>" * 20_000 + "</g>" * 20_000).encode(), "The elements of the logo are nested too deeply."),
        (SVG.format("<path d='M1e400 0L1e308 -1e308L5 5'/>").encode(), "or one that is not a number."),
        (SVG.format("<rect width='5' height='5' stroke='red' stroke-width='1e400'/>").encode(), "or one that is not"),
        (SVG.replace("0 0 200 50", "0 0 inf inf").format(SQUARE).encode(), "The `viewBox` of the logo has a number of"),
        (SVG.replace("0 0 200 50", "0 0 1e-9 1e-9").format(SQUARE).encode(), "is shorter than 0.1."),
        (png_header(60_000, 60_000), "The logo has more than 16,000,000 pixels."),
        (b"<svg " + b" " * 3_000_000, "The logo has 2,930 KiB."),
    ],
)
def test_files_that_are_no_logo(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "logo").write_bytes(data)
    with pytest.raises(LogoError) as caught:
        read_logo(tmp_path / "logo")
    assert message in str(caught.value)
    assert errors_of(tmp_path, 'logo = "logo"') == [str(caught.value)]


def test_data_of_an_editor_is_ignored(tmp_path: Path) -> None:
    guides = "".join(f"<x:guide{number}/>" for number in range(8000))  # a quadratic search would take a minute
    (tmp_path / "a.svg").write_text(
        SVG.format(f"<g xmlns:x='http://example.org/x'>{guides}</g><metadata/><title>N</title>{SQUARE}")
    )
    assert isinstance(read_logo(tmp_path / "a.svg"), VectorLogo)
