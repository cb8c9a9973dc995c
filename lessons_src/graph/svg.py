"""Draw a picture as SVG, for a page, a notebook or a file."""

from __future__ import annotations

import re
from hashlib import sha256
from math import hypot
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from lessons_src.graph.layout import lay_out
from lessons_src.graph.style import FONT_SIZES, LINE_HEIGHT, PADDING_Y, RING, box_class, box_colour, box_size
from lessons_src.palette import BLUE, GREEN, INK, MUTED, PAPER, VARIABLES

if TYPE_CHECKING:
    from lessons_src.graph.layout import Layout, Point, Route
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
    ".graph-label, .graph-name, .graph-gradient": ("fill", INK),
    ".graph-detail, .graph-output": ("fill", MUTED),
    ".graph-paper": ("fill", PAPER),
}
_RULES = [  # `:where` has no specificity: any rule of the page overrides these
    f":where(.autograd-graph) :where({selectors}) {{ {name}: var({VARIABLES[colour]}, {colour}) }}"
    for selectors, (name, colour) in _PAINTED.items()
]
# The widths of boxes assume a monospaced font, so this rule overrides the page's own for figures.
_FONT = f"var(--md-code-font-family, {_FONTS})"
_FONT_RULE = f".autograd-graph.autograd-graph text {{ font-family: {_FONT} !important }}"


def svg_text(picture: Picture, id_prefix: str = "") -> str:
    """Return `picture` as SVG, with the same text each time and `id_prefix` before every id.

    Colours are CSS variables, which a page may define. A page's style sheet and scripts may also
    set the `color` and `fill` of every part.

    Raises as `lay_out` does, and `TypeError` or `ValueError` for an `id_prefix` that cannot begin an id.

    Source: https://www.w3.org/TR/SVG2/

    >>> from lessons_src.graph.picture import Box, Line, Picture
    >>> a = Box("a", "leaf", False, (Line("a", "label"),), "a leaf")
    >>> svg_text(Picture("One leaf", "All there is.", (a,), ()), "my").splitlines()[1]
    '<title id="my-graph-title-7a63469c">One leaf</title>'
    """
    _check_prefix(id_prefix)
    prefix = id_prefix and f"{id_prefix}-"
    layout = lay_out(picture)
    svg = _canvas(picture, layout, prefix)
    drawing = SubElement(svg, "g", {"transform": f"translate({_number(_MARGIN)} {_number(_MARGIN)})"})
    for arrow in picture.arrows:
        _draw_arrow(_group(drawing, prefix, arrow, "graph-edge", MUTED), arrow, layout.routes[arrow.id])
    for box in picture.boxes:
        group = _group(drawing, prefix, box, box_class(box), box_colour(box))
        _draw_box(group, box, layout.centres[box.id])
    indent(svg, space="")
    return tostring(svg, encoding="unicode")


def _check_prefix(id_prefix: object) -> None:
    must = "id_prefix must be empty, or a letter and then letters, digits and any of `-_.`"
    if not isinstance(id_prefix, str):
        raise TypeError(f"{must}, not {type(id_prefix).__name__}.")
    if not _ID_PREFIX.fullmatch(id_prefix):
        raise ValueError(f"{must}, not {id_prefix!r}.")


def _canvas(picture: Picture, layout: Layout, prefix: str) -> Element:
    """Return the SVG element with the picture's title, description and background."""
    # The hash makes these ids differ from those of other drawings without a prefix on the same page.
    words = sha256(f"{picture.title}\n{picture.description}".encode()).hexdigest()[:8]
    title, description = f"{prefix}graph-title-{words}", f"{prefix}graph-desc-{words}"
    width, height = (_number(length + 2 * _MARGIN) for length in layout[:2])
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "autograd-graph",
        "role": "img",
        "aria-labelledby": f"{title} {description}",
        "viewBox": f"0 0 {width} {height}",
        "width": width,
        "height": height,
        # The drawing is never enlarged. The variable lets a page scroll a wide one instead of shrinking it.
        "style": f"--graph-width: {width}px; max-width: min(100%, {width}px); height: auto",
    }
    svg = Element("svg", attributes)
    SubElement(svg, "title", id=title).text = picture.title
    SubElement(svg, "desc", id=description).text = picture.description
    SubElement(svg, "style").text = "\n".join(["", *_RULES, _FONT_RULE, ""])
    SubElement(svg, "rect", {"class": "graph-paper", "width": "100%", "height": "100%", "fill": PAPER})
    return svg


def _group(drawing: Element, prefix: str, part: Arrow | Box, classes: str, colour: str) -> Element:
    data = {f"data-{key}": value for key, value in part.data.items()}
    return SubElement(drawing, "g", {"id": prefix + part.id, "class": classes, "color": colour} | data)


def _draw_box(group: Element, box: Box, centre: Point) -> None:
    width, height = box_size(box)
    left, top = centre[0] - width / 2, centre[1] - height / 2
    ring = RING if box.is_root else 0.0
    corner = _CORNERS[box.kind]
    SubElement(group, "title").text = box.hint
    outline = _rectangle(group, (left, top, width, height), corner + ring)
    outline.attrib |= {"class": "graph-paper", "fill": PAPER}  # hides the arrows that pass behind
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


def _draw_arrow(group: Element, arrow: Arrow, route: Route) -> None:
    start, *curve = map(_point, route.curve)
    line = SubElement(group, "path", {"d": f"M{start}C{' '.join(curve)}", "fill": "none"} | _LINE)
    if arrow.is_dashed:
        line.set("stroke-dasharray", _DASHES)
    head = _arrow_head(route.curve[-1], route.tip)
    SubElement(group, "polygon", points=head, fill="currentColor")
    if route.text_at:
        x, y = route.text_at
        _text(group, arrow.text, (x, y + FONT_SIZES[arrow.text_kind] * 0.35), arrow.text_kind)


def _arrow_head(base: Point, tip: Point) -> str:
    (x, y), (tip_x, tip_y) = base, tip
    half = _ARROW_WIDTH / 2 / hypot(tip_x - x, tip_y - y)
    across, down = (y - tip_y) * half, (tip_x - x) * half
    return " ".join(map(_point, [tip, (x + across, y + down), (x - across, y - down)]))


def _text(group: Element, text: str, at: Point, kind: TextKind) -> None:
    attributes = {
        "class": f"graph-{kind}",
        "x": _number(at[0]),
        "y": _number(at[1]),
        "text-anchor": "middle",
        "font-family": _FONTS,
        "font-size": _number(FONT_SIZES[kind]),
        "fill": INK if kind in {"label", "name", "gradient"} else MUTED,
    }
    if kind == "label":
        attributes["font-weight"] = "bold"
    SubElement(group, "text", attributes).text = text


def _point(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    """Return a number with one digit after the point, or none if that is 0."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")
