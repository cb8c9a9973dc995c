"""What marks the parts of a picture: a class for scripts and style sheets, and a colour.

The colours are those of the site's figures: where a page defines the variables, its own hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lessons_src.drawing.picture import Box

VARIABLES = {
    "#1f2933": "--lesson-ink",
    "#616e7c": "--lesson-muted",
    "#ffffff": "--lesson-paper",
    "#2563a8": "--lesson-c0",
    "#2f7d4f": "--lesson-c2",
}
INK, MUTED, PAPER, BLUE, GREEN = VARIABLES


def box_classes(box: Box) -> list[str]:
    """Return the classes of a box, the most special last.

    >>> from lessons_src.drawing.picture import Box
    >>> box_classes(Box("node-0", "operation", is_root=True, lines=(), hint=""))
    ['graph-node', 'graph-operation', 'graph-root']
    """
    node = "graph-node" if box.kind in {"leaf", "operation"} else "graph-note"
    return [node, f"graph-{box.kind}", *(["graph-root"] if box.is_root else [])]


def box_colour(box: Box) -> str:
    """Return what a box is outlined in.

    >>> from lessons_src.drawing.picture import Box
    >>> box_colour(Box("node-1", "leaf", is_root=False, lines=(), hint=""))
    '#2f7d4f'
    """
    if box.is_root:
        return BLUE
    return GREEN if box.kind == "leaf" else MUTED
