"""Strings that are difficult to write to CSV files, or that CSV readers are known to read wrongly."""

from __future__ import annotations

NASTY = [
    "plain",
    'quote " inside',
    '"',
    "comma, inside",
    "line\nbreak",
    "carriage\rreturn",
    "both\r\nof them",
    "",
    " leading and trailing ",
    "emoji 🧾🇧🇷",
    "עברית العربية",
    "-12345678901234567890.12345678901234567890",
    "Infinity",
    "0044-03-15 BC",
    "=1+1",
    "\t",
    "\x01\x7f",
    "NULL",
    "\\N",
    "日本語",
]


LONE: list[str | None] = [
    *NASTY,
    None,
    "",
    " ",
    "\t",
    " \t ",
    "\\.",
    "#",
    "# not a comment",
    "--",
    ";",
    "|",
    "\n",
    "\r\n",
    "\r",
    "a\n\\.\nb",
    "'",
    '""',
    "NA",
    "nan",
    "null",
    "\u00a0",
    "\ufeff",
    None,
]
"""Strings that at least one reader drops, or takes for the end of the file, if a line has no other cell."""


LONG = "x" * 300


KEPT = [
    # Numbers, including those of the automatic conversions that Excel's documentation lists.
    *[
        "007",
        " 007",
        "0",
        "12",
        "-12.50",
        "+5",
        "1.10",
        "(123)",
        "1e5",
        "12e3",
        "1E+02",
        "10\u00a0000",
        "1,000",
        "1.000,50",
    ],
    *["123456789012", "+49 30 1234", "+5511999999999", "00012345678e12", "５", "١٢", "½ 1"],
    # Percentages, currencies and fractions.
    *["5%", "€ 5", "$5", "R$ 5", "5 EUR", "BRL 5", "1/2", "5 1/2"],
    # Dates and times in several languages.
    *["3/4", "MAR 3", "3 mar", "Mär 3", "2024-03-09", "12:30", "12 AM", "01.01.", "Januar 2024", "1-2"],
    # Logical values.
    *["TRUE", "false", " True ", "VERDADEIRO", "falso", "WAHR", "Falsch", "VRAI"],
    # Excel's error values, in several languages.
    *["#N/A", "#REF!", "#DIV/0!", "#NV", "#VALOR!"],
    # Strings that begin like a formula (OWASP, "CSV Injection").
    *[
        "=1+1",
        "-",
        "--",
        "-abc",
        "+abc",
        "@SUM(A1)",
        "-cmd|' /C calc'!A0",
        "\t=1",
        "\tx",
        " =1+1",
        "＝1",
        "＋1",
        "－x",
        "＠x",
    ],
    # Other strings with a digit, and quotes.
    *["3 apples", 'say "hi" 1', '"1"', '="007"', "a;1", "é1"],
]


NOT_TOUCHED = [
    "",
    "plain",
    "a=b",
    "Mar",
    "E",
    "x - y",
    "true story",
    "naïve",
    "a;b",
    'say "hi"',
    "'abc",
    "a\nb",
    "1\n2",
    LONG + "1",
]
