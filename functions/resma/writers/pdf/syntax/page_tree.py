"""The page tree (ISO 32000-1 §7.7.3), which grows with the pages, whose number need not be known in advance.

A node has 64 kids. It gets its object number with its first kid and is written after its last kid, so that only one
open node per level is in memory: four nodes for 16 million pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

FAN_OUT = 64

Claim = Callable[[], int]


@dataclass(slots=True)
class Node:
    """An open node: its object number, the object numbers of its kids, and the number of pages below it."""

    number: int
    kids: list[int] = field(default_factory=list)
    pages: int = 0


@dataclass(slots=True)
class TreeState:
    """Open node of each level, from the lowest level up; None if the next kid opens a new node."""

    levels: list[Node | None] = field(default_factory=list)


def parent_of_next(tree: TreeState, claim: Claim, level: int = 0) -> int:
    """Returns the object number of the parent of the next kid of a level. Opens a node if necessary."""
    if level == len(tree.levels):
        tree.levels.append(None)
    node = tree.levels[level]
    if node is None:
        node = tree.levels[level] = Node(claim())
    return node.number


def add_page(tree: TreeState, page: int, claim: Claim) -> list[tuple[int, bytes]]:
    """Adds a page. Returns the object numbers and bodies of the nodes that it completes."""
    return _add(tree, 0, page, 1, claim)


def _add(tree: TreeState, level: int, kid: int, pages: int, claim: Claim) -> list[tuple[int, bytes]]:
    parent_of_next(tree, claim, level)
    node = tree.levels[level]
    assert node is not None
    node.kids.append(kid)
    node.pages += pages
    return _close_node(tree, level, claim) if len(node.kids) == FAN_OUT else []


def _close_node(tree: TreeState, level: int, claim: Claim) -> list[tuple[int, bytes]]:
    node = tree.levels[level]
    assert node is not None
    body = _body(node, parent_of_next(tree, claim, level + 1))
    tree.levels[level] = None
    return [(node.number, body), *_add(tree, level + 1, node.number, node.pages, claim)]


def close(tree: TreeState, root: int, claim: Claim) -> tuple[list[tuple[int, bytes]], int]:
    """Closes all nodes; `root` is the topmost node's parent. Returns the unwritten nodes, and the topmost's number."""
    written: list[tuple[int, bytes]] = []
    level = 0
    while level + 1 < len(tree.levels):
        if tree.levels[level] is not None:
            written += _close_node(tree, level, claim)
        level += 1
    top = tree.levels[level]
    assert top is not None
    return [*written, (top.number, _body(top, root))], top.number


def _body(node: Node, parent: int) -> bytes:
    kids = b" ".join([b"%d 0 R" % kid for kid in node.kids])
    return b"<</Type/Pages/Parent %d 0 R/Count %d/Kids[%b]>>" % (parent, node.pages, kids)
