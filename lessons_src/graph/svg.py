"""A picture as SVG: for a page, a notebook or a file."""

from __future__ import annotations

import re
from hashlib import sha256
from math import hypot
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from lessons_src.graph.layout import lay_out
from lessons_src.graph.style import (
    FONT_SIZES,
    LINE_HEIGHT,
    PADDING_Y,
    RING,
    box_classes,
    box_colour,
    box_size,
)
from lessons_src.palette import BLUE, GREEN, INK, MUTED, PAPER, VARIABLES

if TYPE_CHECKING:
    from lessons_src.graph.layout import Point, Route
    from lessons_src.graph.picture import Arrow, Box, Picture
    from lessons_src.graph.style import TextKind

_MARGIN = 4.0
_ARROW_WIDTH = 6.0
_CORNERS = {"leaf": 14.0, "operation": 3.0, "none": 3.0, "cut": 3.0}
_DASHES = "4 3"
_LINE = {"stroke": "currentColor", "stroke-width": "1.3"}
_FONTS = "Menlo, Cascadia Mono, Consolas, DejaVu Sans Mono, Liberation Mono, monospace"
_ID_PREFIX = re.compile(r"([A-Za-z][\w.-]*)?", re.ASCII)

_PAINTED = {
    ".graph-node, .graph-note, .graph-edge": ("color", MUTED),
    ".graph-leaf": ("color", GREEN),
    ".graph-root": ("color", BLUE),
    ".graph-label, .graph-name": ("fill", INK),
    ".graph-detail, .graph-output": ("fill", MUTED),
    ".graph-paper": ("fill", PAPER),
}


def svg_text(picture: Picture, id_prefix: str = "") -> str:
    """Return a picture as SVG: the same text for the same picture. `id_prefix` begins every id.

    Colours are CSS variables, which a page may define, and `color` and `fill` of every part can be
    set by a style sheet or a script of the page, whose rules stand above those in here.

    Raises as `lay_out` does, and `TypeError` or `ValueError` for an `id_prefix` that is none.

    Source: https://www.w3.org/TR/SVG2/

    >>> from lessons_src.graph.picture import Box, Line, Picture
    >>> a = Box("a", "leaf", False, (Line("a", "label"),), "a leaf")
    >>> svg_text(Picture("One leaf", "All there is.", (a,), ()), "my").splitlines()[1]
    '<title id="my-graph-title-7a63469c">One leaf</title>'
    """
    prefix = f"{_checked(id_prefix)}-".removeprefix("-")  # none before nothing
    # Where there are other drawings on a page, and no prefixes, these words are still this one's.
    words = sha256(f"{picture.title}\n{picture.description}".encode()).hexdigest()[:8]
    title, description = f"{prefix}graph-title-{words}", f"{prefix}graph-desc-{words}"
    layout = lay_out(picture)
    width, height = (_number(length + 2 * _MARGIN) for length in layout[:2])
    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "autograd-graph",
            "role": "img",
            "aria-labelledby": f"{title} {description}",
            "viewBox": f"0 0 {width} {height}",
            "width": width,
            "height": height,
            # No text larger than it is meant; and a page may let a wide drawing be scrolled.
            "style": f"--graph-width: {width}px; max-width: min(100%, {width}px); height: auto",
        },
    )
    SubElement(svg, "title", id=title).text = picture.title
    SubElement(svg, "desc", id=description).text = picture.description
    SubElement(svg, "style").text = _style()
    SubElement(svg, "rect", {"class": "graph-paper", "width": "100%", "height": "100%", "fill": PAPER})
    drawing = SubElement(svg, "g", {"transform": f"translate({_number(_MARGIN)} {_number(_MARGIN)})"})
    for arrow in picture.arrows:
        _draw_arrow(drawing, prefix, arrow, layout.routes[arrow.id])
    for box in picture.boxes:
        _draw_box(drawing, prefix, box, layout.centres[box.id])
    indent(svg, space="")
    return tostring(svg, encoding="unicode")


def _checked(id_prefix: object) -> str:
    meant = "id_prefix: a letter is meant, and after it letters, digits and any of `-_.`, or nothing"
    if not isinstance(id_prefix, str):
        raise TypeError(f"{meant}, not {type(id_prefix).__name__}.")
    if not _ID_PREFIX.fullmatch(id_prefix):
        raise ValueError(f"{meant}, not {id_prefix!r}.")
    return id_prefix


def _style() -> str:
    """Return the style sheet of a drawing; in ``:where``, a rule gives way to any of the page's."""
    rules = [
        f":where(.autograd-graph) :where({selectors}) {{ {name}: var({VARIABLES[colour]}, {colour}) }}"
        for selectors, (name, colour) in _PAINTED.items()
    ]
    # Boxes are as wide as their text in such a font: this rule stands above those for other figures.
    fonts = f"var(--md-code-font-family, {_FONTS})"
    font = f".autograd-graph.autograd-graph text {{ font-family: {fonts} !important }}"
    return "\n".join(["", *rules, font, ""])


def _draw_box(svg: Element, prefix: str, box: Box, centre: Point) -> None:
    width, height = box_size(box)
    left, top = centre[0] - width / 2, centre[1] - height / 2
    group = _group(svg, prefix + box.id, box_classes(box), box_colour(box), box.data)
    SubElement(group, "title").text = box.hint
    ring = RING if box.is_root else 0.0
    corner = _CORNERS[box.kind]
    outline = _rectangle(group, (left, top, width, height), corner + ring)
    outline.attrib |= {"class": "graph-paper", "fill": PAPER}  # what passes behind is not seen
    if box.kind in {"none", "cut"}:
        outline.set("stroke-dasharray", _DASHES)
    if box.kind == "leaf" or box.is_root:
        inner = _rectangle(group, (left + ring, top + ring, width - 2 * ring, height - 2 * ring), corner)
        inner.attrib |= {"fill": "currentColor", "fill-opacity": "0.12"}
    y = top + PADDING_Y + ring
    for text, kind in box.lines:
        y += FONT_SIZES[kind] * LINE_HEIGHT
        _text(group, text, (centre[0], y - FONT_SIZES[kind] * 0.4), kind)


def _rectangle(group: Element, place: tuple[float, float, float, float], corner: float) -> Element:
    values = zip(("x", "y", "width", "height", "rx"), (*place, corner), strict=True)
    return SubElement(group, "rect", {name: _number(value) for name, value in values} | _LINE)


def _draw_arrow(svg: Element, prefix: str, arrow: Arrow, route: Route) -> None:
    group = _group(svg, prefix + arrow.id, ["graph-edge"], MUTED, arrow.data)
    start, *curve = route.curve
    path = f"M{_point(start)}C{' '.join(map(_point, curve))}"
    line = SubElement(group, "path", {"d": path, "fill": "none"} | _LINE)
    if arrow.is_dashed:
        line.set("stroke-dasharray", _DASHES)
    SubElement(group, "polygon", points=_arrow_head(curve[-1], route.tip), fill="currentColor")
    if route.text_at:
        x, y = route.text_at
        _text(group, arrow.text, (x, y + FONT_SIZES["output"] * 0.35), "output")


def _arrow_head(base: Point, tip: Point) -> str:
    (x, y), (tip_x, tip_y) = base, tip
    half = _ARROW_WIDTH / 2 / hypot(tip_x - x, tip_y - y)
    across, down = (y - tip_y) * half, (tip_x - x) * half
    return " ".join(map(_point, [tip, (x + across, y + down), (x - across, y - down)]))


def _group(svg: Element, name: str, classes: list[str], colour: str, data: dict[str, str]) -> Element:
    attributes = {f"data-{key}": value for key, value in data.items()}
    return SubElement(svg, "g", {"id": name, "class": " ".join(classes), "color": colour} | attributes)


def _text(group: Element, text: str, at: Point, kind: TextKind) -> None:
    attributes = {
        "class": f"graph-{kind}",
        "x": _number(at[0]),
        "y": _number(at[1]),
        "text-anchor": "middle",
        "font-family": _FONTS,
        "font-size": _number(FONT_SIZES[kind]),
        "fill": INK if kind in {"label", "name"} else MUTED,
    }
    if kind == "label":
        attributes["font-weight"] = "bold"
    SubElement(group, "text", attributes).text = text


def _point(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    """Return a number with one digit after the point, and without a point where that is 0."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")
