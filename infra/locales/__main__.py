"""Writes the locale data of the functions: `make locales`, or `python -m infra.locales`, after an update of Babel."""

from __future__ import annotations

import json

from infra.locales.cldr import languages
from infra.paths import ROOT

LOCALES_FILE = ROOT / "functions" / "resma" / "i18n" / "cldr.json"


def locale_data() -> str:
    """Returns the content of the file: one language per line, so that a change of the CLDR is a readable difference."""
    lines = [f"{json.dumps(code)}: {json.dumps(formats, ensure_ascii=False)}" for code, formats in languages()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    LOCALES_FILE.write_text(locale_data(), encoding="utf-8")
    print(f"{LOCALES_FILE.relative_to(ROOT)}: {LOCALES_FILE.stat().st_size:,} bytes")
