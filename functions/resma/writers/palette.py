"""Colors of reports in all formats: red, green and blue as six hexadecimal digits."""

from __future__ import annotations

ACCENT = "182E54"
INK = "21262E"
GRAY = "6B7380"
RULE = "CCD4DE"
STRIPE = "F1F4F8"
NEGATIVE = "A3483C"

SHADES = ("182E54", "3E6296", "7FA0CB", "B9CBE3", "8A93A0", "C9A55C", "D9DEE5")
"""Colors of the parts of a whole, in order of size: blues, then gray and sand. The last is for `Other`."""
