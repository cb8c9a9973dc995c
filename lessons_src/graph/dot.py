"""A picture in the DOT language, which Graphviz and many other programs draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessons_src.graph.style import box_classes, box_colour
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
    r"""Return a picture as DOT: the same text for the same picture, whatever the names in it hold.

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
    r"""Return lines of text as one quoted string: what DOT or Graphviz would read as more is escaped.

    >>> print(quote('say "\\N"', "&amp;"))
    "say \"\\N\"\n&amp;amp;"
    """
    escaped = [line.replace("\\", r"\\").replace('"', r"\"").replace("&", "&amp;") for line in lines]
    return '"' + r"\n".join(escaped) + '"'


def _box_statement(box: Box) -> str:
    attributes = {
        "label": quote(*(line.text for line in box.lines)),
        "class": quote(" ".join(box_classes(box))),
        "tooltip": quote(box.hint),
    }
    if box.kind in _STYLES:
        attributes["style"] = _STYLES[box.kind]
    if box_colour(box) != MUTED:
        attributes["color"] = quote(box_colour(box))
    if box.is_root:
        attributes["peripheries"] = "2"
    return f"  {quote(box.id)} [{_list(attributes)}];"


def _arrow_statement(arrow: Arrow) -> str:
    attributes = {"id": quote(arrow.id)}
    if arrow.text:
        attributes["label"] = quote(arrow.text)
    if arrow.is_main:
        attributes["weight"] = "2"
    if arrow.is_dashed:
        attributes["style"] = "dashed"
    return f"  {quote(arrow.tail)} -> {quote(arrow.head)} [{_list(attributes)}];"


def _list(attributes: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in attributes.items())
