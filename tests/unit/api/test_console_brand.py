"""The brand of the catalog in the console."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from PIL import Image

from api.pages.brand import brand_style, branded_page
from api.pages.console import FOLDER
from resma.report.colors import contrast

PAGE = (FOLDER / "index.html").read_text(encoding="utf-8")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESMA_CATALOG", str(tmp_path))
    return tmp_path


def test_a_catalog_without_a_brand_changes_nothing(catalog: Path) -> None:
    assert branded_page(PAGE) == PAGE
    assert brand_style() is None
    (catalog / "resma.toml").write_text('tenants = "none"\n')
    assert branded_page(PAGE) == PAGE


def test_the_page_has_name_and_logo(catalog: Path) -> None:
    (catalog / "logo.svg").write_text(SVG)
    (catalog / "resma.toml").write_text('[brand]\nname = "R & D <Ltd>"\nlogo = "logo.svg"\n')
    page = branded_page(PAGE)
    assert "<title>R &amp; D &lt;Ltd&gt;</title>" in page
    data = base64.b64encode(SVG.encode()).decode()
    assert f'<span class="brand"><img class="logo" src="data:image/svg+xml;base64,{data}" alt="">R &amp; D' in page
    assert "brand.css" not in page


def test_a_logo_of_pixels_is_small(catalog: Path) -> None:
    Image.effect_noise((1600, 800), 80).save(catalog / "logo.png")
    (catalog / "resma.toml").write_text('[brand]\nlogo = "logo.png"\n')
    page = branded_page(PAGE)
    assert "data:image/png;base64,iVBOR" in page
    assert len(page) < 100_000
    assert page.count("Resma") == PAGE.count("Resma")


@pytest.mark.parametrize("color", ["#0b5fff", "#000000", "#7a0019", "#767676", "#006400"])
def test_the_colors_have_enough_contrast_in_both_themes(catalog: Path, color: str) -> None:
    (catalog / "resma.toml").write_text(f'[brand]\nprimary_color = "{color}"\n')
    assert 'href="console/brand.css"' in branded_page(PAGE)
    style = brand_style() or ""
    [(light, dark)] = re.findall(r"--accent: light-dark\(#(\w+), #(\w+)\)", style)
    [(soft_light, soft_dark)] = re.findall(r"--accent-soft: light-dark\(#(\w+), #(\w+)\)", style)
    for one, other in ((light, "ffffff"), (light, "f5f6f8"), (light, soft_light), (dark, "191f29"), (dark, "0f1a2e")):
        assert contrast(one, other) >= 4.5, (one, other)
    assert contrast(dark, soft_dark) >= 4.0


def test_errors_of_the_settings_do_not_break_the_console(catalog: Path) -> None:
    (catalog / "resma.toml").write_text('[brand]\nlogo = "none.svg"\n')
    assert branded_page(PAGE) == PAGE
