"""Write a picture in the DOT language, for Graphviz and other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessons_src.graph.style import box_class, box_colour
from lessons_src.palette import INK, MUTED

if TYPE_CHECKING:
    from lessons_src.graph.picture import Arrow, Box, Kind, Picture

_HEAD = f"""\
  graph [rankdir=TB, nodesep=0.2, ranksep=0.3, bgcolor=transparent];
  node [id="\\N", shape=box, margin="0.1,0.05", height=0.3, color="{MUTED}"];
  node [fontname=monospace, fontsize=11, fontcolor="{INK}"];
  edge [class="graph-edge", arrowsize=0.7, color="{MUTED}"];
  edge [fontname=monospace, fontsize=10, fontcolor="{MUTED}"];"""

_STYLES: dict[Kind, str] = {"leaf": "rounded", "none": "dotted", "cut": "dashed"}


def dot_text(picture: Picture) -> str:
    r"""Return `picture` as DOT, with the same text each time.

    Source: https://graphviz.org/doc/info/lang.html

    >>> from lessons_src.graph.picture import Arrow, Box, Line, Picture
    >>> a = Box("a", "leaf", False, (Line('"a"', "label"),), "a leaf")
    >>> text = dot_text(Picture("One leaf", "", (a,), (Arrow("a-a", "a", "a"),)))
    >>> print(*text.splitlines()[6:], sep="\n")
      "a" [label="\"a\"", class="graph-node graph-leaf", tooltip="a leaf", style=rounded, color="#2f7d4f"];
      "a" -> "a" [id="a-a"];
    }
    """
    boxes = map(_box_statement, picture.boxes)
    arrows = map(_arrow_statement, picture.arrows)
    return "\n".join([f"digraph {quote(picture.title)} {{", _HEAD, *boxes, *arrows, "}\n"])


def quote(*lines: str) -> str:
    r"""Return lines of text as one quoted string, with an escape for each character special to Graphviz.

    >>> print(quote('say "\\N"', "&amp;"))
    "say \"\\N\"\n&amp;amp;"
    """
    escaped = [line.replace("\\", r"\\").replace('"', r"\"").replace("&", "&amp;") for line in lines]
    return '"' + r"\n".join(escaped) + '"'


def _box_statement(box: Box) -> str:
    colour = box_colour(box)
    attributes = {
        "label": quote(*[line.text for line in box.lines]),
        "class": quote(box_class(box)),
        "tooltip": quote(box.hint),
        "style": _STYLES.get(box.kind),
        "color": quote(colour) if colour != MUTED else None,
        "peripheries": "2" if box.is_root else None,
    }
    return _statement(quote(box.id), attributes)


def _arrow_statement(arrow: Arrow) -> str:
    attributes = {
        "id": quote(arrow.id),
        "label": quote(arrow.text) if arrow.text else None,
        "weight": "2" if arrow.is_main else None,
        "style": "dashed" if arrow.is_dashed else None,
    }
    return _statement(f"{quote(arrow.tail)} -> {quote(arrow.head)}", attributes)


def _statement(subject: str, attributes: dict[str, str | None]) -> str:
    given = [f"{name}={value}" for name, value in attributes.items() if value]
    return f"  {subject} [{', '.join(given)}];"
