"""Output of commands: results on standard output, messages on standard error."""

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
    """A console that raises BrokenPipeError when its reader has ended."""

    def on_broken_pipe(self) -> None:
        """Raises BrokenPipeError. rich itself would end the program with exit code 1."""
        raise BrokenPipeError


class Output:
    """Prints results and messages. With `as_json`, standard output gets one JSON document and nothing else.

    With `is_quiet`, no messages are printed. rich prints no colors if NO_COLOR is set or the output is not a terminal.
    """

    def __init__(self, *, as_json: bool, is_quiet: bool = False) -> None:
        self.as_json = as_json
        self.is_quiet = is_quiet
        self.console = PipedConsole(highlight=False, soft_wrap=True)
        self.messages = PipedConsole(stderr=True, highlight=False, soft_wrap=True)

    def show(self, document: Any, draw: Callable[[Console], None]) -> None:
        """Prints the result: the document as JSON, or for people what `draw` prints."""
        if self.as_json:
            print_json(document)
        else:
            draw(self.console)

    def print_message(self, text: str) -> None:
        """Prints a message, which is not part of the result, on standard error."""
        if not self.is_quiet:
            self.messages.print(clean(text))


def print_json(document: Any, *, indent: int | None = 2) -> None:
    """Prints a JSON document, in one line if `indent` is None."""
    # Escaped to ASCII, so that it contains no control characters and suits every encoding of a terminal.
    sys.stdout.write(json.dumps(document, indent=indent) + "\n")
    sys.stdout.flush()


_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Joiners are part of emoji and of words in many scripts. They do not move the cursor or change the direction."""


def clean(value: object) -> Text:
    """Returns a value as text for a terminal, without markup and control characters, which could be commands."""
    text = "" if value is None else str(value)
    return Text("".join(char if _is_safe(char) else "\N{REPLACEMENT CHARACTER}" for char in text))


def _is_safe(char: str) -> bool:
    """Returns whether a character is safe. `isprintable` is False for spaces except U+0020, and for category Cf."""
    return char.isprintable() or char == "\n" or char in _JOINERS or unicodedata.category(char) == "Zs"


_GAP = 2
"""Number of spaces between columns."""


@dataclass(frozen=True)
class TableColumn:
    """A column of a table. On a narrow terminal it may be narrowed or omitted."""

    heading: str
    is_flexible: bool = False
    """Whether values are truncated with an ellipsis if the table is too wide."""
    min_terminal_width: int = 0
    """Minimum width of the terminal for the column to be shown."""
    is_number: bool = False
    min_width: int = 6
    """Minimum width of a flexible column."""


def draw_table(console: Console, headings: Sequence[str | TableColumn], rows: Iterable[Sequence[object]]) -> None:
    """Draws a table. If the output is not a terminal, prints all columns as tab-separated lines, for `cut` and `awk`.

    On a terminal a row is one line, and columns without any value are omitted.
    """
    all_columns = [TableColumn(one) if isinstance(one, str) else one for one in headings]
    cells = [[clean(_one_line(cell)) for cell in row] for row in rows]
    if not console.is_terminal:
        for line in ([Text(one.heading) for one in all_columns], *cells):
            sys.stdout.write("\t".join(cell.plain for cell in line) + "\n")
        return
    visible = [
        number
        for number, one in enumerate(all_columns)
        if console.width >= one.min_terminal_width and (not cells or any(row[number].plain for row in cells))
    ]
    columns = [all_columns[number] for number in visible]
    lines = [[row[number] for number in visible] for row in cells]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    for one, width in zip(columns, _fit(columns, lines, console.width), strict=True):
        justify: Literal["left", "right"] = "right" if one.is_number else "left"
        table.add_column(one.heading, no_wrap=True, overflow="ellipsis", justify=justify, width=width)
    for line in lines:
        table.add_row(*line)
    console.print(table, soft_wrap=False)


def _one_line(value: object) -> str:
    return "" if value is None else str(value).replace("\n", " ")


def _fit(columns: Sequence[TableColumn], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Returns the widths of columns in a line of `width`. Flexible columns are narrowed, the widest first."""
    widths = [max([len(one.heading), *(row[number].cell_len for row in rows)]) for number, one in enumerate(columns)]
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    for _ in range(excess):
        flexible = [number for number, one in enumerate(columns) if one.is_flexible and widths[number] > one.min_width]
        if not flexible:
            break
        widths[max(flexible, key=widths.__getitem__)] -= 1
    return widths


def draw_pairs(console: Console, pairs: Iterable[tuple[str, object]]) -> None:
    """Draws names with their values. Empty values are omitted."""
    filled = [(name, value) for name, value in pairs if value not in (None, "", [], ())]
    width = max((len(name) for name, _ in filled), default=0)
    for name, value in filled:
        console.print(Text.assemble((f"{name:<{width}}  ", "bold"), clean(value)))
