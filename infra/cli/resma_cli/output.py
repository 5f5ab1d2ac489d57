"""What a command says: its result on standard output, all else on standard error."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text


class PipedConsole(Console):
    """A console that leaves it to its caller what happens when its reader has gone."""

    def on_broken_pipe(self) -> None:
        """Raises BrokenPipeError, where rich would end the program with exit code 1."""
        raise BrokenPipeError


class Output:
    """Where results and notes go. With `as_json` the result is one JSON document, and nothing else is on stdout.

    With `is_quiet` there are no notes. rich leaves out colors where NO_COLOR is set and where no terminal reads.
    """

    def __init__(self, *, as_json: bool, is_quiet: bool = False) -> None:
        self.as_json = as_json
        self.is_quiet = is_quiet
        self.console = PipedConsole(highlight=False, soft_wrap=True)
        self.notes = PipedConsole(stderr=True, highlight=False, soft_wrap=True)

    def show(self, document: Any, draw: Callable[[Console], None]) -> None:
        """Prints the result: the document, or what is drawn of it for people."""
        if self.as_json:
            print_json(document)
        else:
            draw(self.console)

    def note(self, text: str) -> None:
        """Says something that is not the result."""
        if not self.is_quiet:
            self.notes.print(clean(text))


def print_json(document: Any, *, indent: int | None = 2) -> None:
    """Prints a JSON document; `indent=None` makes one line of it."""
    # Escaped to ASCII: it can be printed whatever the terminal's encoding, and holds no control character.
    sys.stdout.write(json.dumps(document, indent=indent) + "\n")
    sys.stdout.flush()


_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""They are part of emoji and of words of many scripts, and neither move the cursor nor change the text's direction."""


def clean(value: object) -> Text:
    """A value as text for a terminal: never markup, and no control character, which could be a command to it."""
    text = "" if value is None else str(value)
    return Text("".join(char if _is_shown(char) else "\N{REPLACEMENT CHARACTER}" for char in text))


def _is_shown(char: str) -> bool:
    """Whether a terminal may get a character. `isprintable` refuses spaces other than U+0020 and all of category Cf."""
    return char.isprintable() or char == "\n" or char in _JOINERS or unicodedata.category(char) == "Zs"


_GAP = 2
"""Spaces between columns."""


@dataclass(frozen=True)
class Column:
    """A column of a table. On a terminal it may be narrowed, or left out where the terminal has too few columns."""

    heading: str
    is_flexible: bool = False
    """Whether it is cut off with an ellipsis where the table is too wide."""
    from_width: int = 0
    """It is shown from this width of the terminal on."""
    is_number: bool = False
    narrowest: int = 6
    """A flexible column is not made narrower than this."""


def draw_table(console: Console, headings: Sequence[str | Column], rows: Iterable[Sequence[object]]) -> None:
    """Draws a table; where no terminal reads, a line a row with tabs between, for `cut` and `awk`.

    On a terminal a row is one line, and columns without any value are left out; elsewhere all columns are there.
    """
    asked = [Column(one) if isinstance(one, str) else one for one in headings]
    cells = [[clean(_one_line(cell)) for cell in row] for row in rows]
    if not console.is_terminal:
        for line in ([Text(one.heading) for one in asked], *cells):
            sys.stdout.write("\t".join(cell.plain for cell in line) + "\n")
        return
    shown = [
        number
        for number, one in enumerate(asked)
        if console.width >= one.from_width and (not cells or any(row[number].plain for row in cells))
    ]
    columns = [asked[number] for number in shown]
    lines = [[row[number] for number in shown] for row in cells]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    for one, width in zip(columns, _fit(columns, lines, console.width), strict=True):
        justify: Literal["left", "right"] = "right" if one.is_number else "left"
        table.add_column(one.heading, no_wrap=True, overflow="ellipsis", justify=justify, width=width)
    for line in lines:
        table.add_row(*line)
    console.print(table, soft_wrap=False)


def _one_line(value: object) -> str:
    return "" if value is None else str(value).replace("\n", " ")


def _fit(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Widths of columns in a line of `width`. Flexible ones are narrowed, the widest first; ids and times are not."""
    widths = [max([len(one.heading), *(row[number].cell_len for row in rows)]) for number, one in enumerate(columns)]
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    for _ in range(excess):
        flexible = [number for number, one in enumerate(columns) if one.is_flexible and widths[number] > one.narrowest]
        if not flexible:
            break
        widths[max(flexible, key=widths.__getitem__)] -= 1
    return widths


def draw_pairs(console: Console, pairs: Iterable[tuple[str, object]]) -> None:
    """Draws names with their values, those that are empty left out."""
    shown = [(name, value) for name, value in pairs if value not in (None, "", [], ())]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        console.print(Text.assemble((f"{name:<{width}}  ", "bold"), clean(value)))
