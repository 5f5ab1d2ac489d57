"""Object numbers of pages and of the page tree, all known before the first page is written.

Pages are numbered as they are written: a page, its contents, and after each 64th page the node above it
(after each 4,096th also the node above that, and so on). So a node is written as soon as its pages are,
and the memory of the tree is nothing (ISO 32000-1 §7.7.3).
"""

from __future__ import annotations

from dataclasses import dataclass

FAN_OUT = 64


@dataclass(frozen=True, slots=True)
class PageTree:
    """`pages` pages (at least one) under the node `root`; the first takes the object number `first`."""

    first: int
    pages: int
    root: int

    @property
    def levels(self) -> int:
        """How many levels of nodes lie above the pages, the top one included."""
        levels = 1
        while FAN_OUT**levels < self.pages:
            levels += 1
        return levels

    def page_number(self, page: int) -> int:
        """Object number of a page (from 0). Its contents have the next one."""
        nodes = 0
        above = page // FAN_OUT
        while above:
            nodes += above
            above //= FAN_OUT
        return self.first + 2 * page + nodes

    def node_number(self, level: int, index: int) -> int:
        """Object number of a node; level 1 is right above the pages."""
        last = min(FAN_OUT**level * (index + 1), self.pages) - 1
        return self.page_number(last) + 1 + level

    @property
    def top(self) -> int:
        return self.node_number(self.levels, 0)

    def nodes_after(self, page: int) -> list[tuple[int, bytes]]:
        """Nodes that are complete once this page is written: object numbers and bodies."""
        done = page + 1
        if done % FAN_OUT and done != self.pages:
            return []
        levels = [k for k in range(1, self.levels + 1) if done == self.pages or done % FAN_OUT**k == 0]
        return [(self.node_number(k, page // FAN_OUT**k), self._node(k, page // FAN_OUT**k)) for k in levels]

    def _node(self, level: int, index: int) -> bytes:
        span = FAN_OUT ** (level - 1)
        first = index * FAN_OUT
        last = min(first + FAN_OUT, -(-self.pages // span))
        if level == 1:
            kids = [self.page_number(i) for i in range(first, last)]
        else:
            kids = [self.node_number(level - 1, i) for i in range(first, last)]
        count = min(last * span, self.pages) - first * span
        parent = self.root if level == self.levels else self.node_number(level + 1, index // FAN_OUT)
        listed = b" ".join([b"%d 0 R" % kid for kid in kids])
        return b"<</Type/Pages/Parent %d 0 R/Count %d/Kids[%b]>>" % (parent, count, listed)
