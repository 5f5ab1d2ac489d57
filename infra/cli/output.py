"""What a command says: its result on standard output, all else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


class Output:
    """Where results and notes go. With `as_json` the result is one JSON document, and nothing else is on stdout.

    rich leaves out colours where NO_COLOR is set and where no terminal reads.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(highlight=False, soft_wrap=True)
        self.notes = Console(stderr=True, highlight=False, soft_wrap=True)

    def show(self, document: Any, draw: Callable[[Console], None]) -> None:
        """Prints the result: the document, or what is drawn of it for people."""
        if self.as_json:
            print_json(document)
        else:
            draw(self.console)

    def note(self, text: str) -> None:
        """Says something that is not the result."""
        self.notes.print(clean(text))


def print_json(document: Any, *, indent: int | None = 2) -> None:
    """Prints a JSON document; `indent=None` makes one line of it."""
    # Escaped to ASCII: it can be printed whatever the terminal's encoding, and holds no control character.
    sys.stdout.write(json.dumps(document, indent=indent) + "\n")
    sys.stdout.flush()


def clean(value: object) -> Text:
    """A value as text for a terminal: never markup, and no control character, which could be a command to it."""
    text = "" if value is None else str(value)
    return Text("".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text))


def draw_table(console: Console, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Draws a table; where no terminal reads, a line a row with tabs between, for `cut` and `awk`."""
    cells = [[clean(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        for line in (list(map(Text, headings)), *cells):
            sys.stdout.write("\t".join(cell.plain.replace("\n", " ") for cell in line) + "\n")
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=number == 0)  # ids are copied whole
    for row in cells:
        table.add_row(*row)
    console.print(table, soft_wrap=False)


def draw_pairs(console: Console, pairs: Iterable[tuple[str, object]]) -> None:
    """Draws names with their values, those that are empty left out."""
    shown = [(name, value) for name, value in pairs if value not in (None, "", [], ())]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        console.print(Text.assemble((f"{name:<{width}}  ", "bold"), clean(value)))
