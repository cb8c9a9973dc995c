"""Set the style of Matplotlib's figures in a lesson, and adapt their SVG to a page."""

import io
import re
from collections.abc import Iterator
from html import escape
from typing import Any
from weakref import WeakSet
from xml.etree import ElementTree

from lessons_src.palette import GRID, INK, MUTED, PAPER, SERIES, VARIABLES

SVG = "image/svg+xml"

MAX_SIZE = 500_000
"""How many characters a figure may have; a page holds all of them, and a phone draws them."""

# HTML writes `xlink:href`. Material's navigation would try to make a plain `href` absolute, and fail.
_XLINK = re.compile(r"^\{http://www\.w3\.org/1999/xlink\}")

_INTERNAL = re.compile(r"\s*(?:#|data:image/)")
# In CSS, and in attributes that CSS has too: a colour may be `url(#gradient)`.
_OUTSIDE = re.compile(r"""(?:@import|url\()\s*+['"]?+(?!#|data:|url\()([^'")\s]*)""")

# Begins each id until a page is known; no XML has this character.
_PREFIX = "\0"

_COLOURS = re.compile("|".join(VARIABLES), re.IGNORECASE)

# The attributes that list ids
_ID_LISTS = re.compile("aria-(?:controls|describedby|details|flowto|labelledby|owns)")

# Where numbers are lengths, of which a hundredth of a pixel is enough.
_LENGTHS = {"d", "points", "x", "y", "width", "height", "viewBox"}
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
# A path of straight lines, as Matplotlib writes each: `M 1 2  L 3 4  z`.
_LINES = re.compile(r"(?:M(?: -?[\d.]+){2}\s+(?:L(?: -?[\d.]+){2}\s+)+(?:z\s*)?)+")

_closed: WeakSet[Any] = WeakSet()

STYLE: dict[Any, Any] = {
    # Five inches are 360 points: drawn at its own size, a figure fills a phone's width.
    "figure.figsize": (5, 3.2),
    "figure.constrained_layout.use": True,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "font.size": 11,
    "font.family": "sans-serif",
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 2,
    "patch.edgecolor": INK,
    "scatter.edgecolors": "face",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "image.cmap": "cividis",
    # Text stays text: it takes the page's font, can be read aloud and is found by a search.
    "svg.fonttype": "none",
    # The ids are the same in every run; `page_svg` makes them unique on a page.
    "svg.hashsalt": "lesson",
}


def enable(shell: Any) -> None:
    """Let `shell` show Matplotlib's figures as Jupyter does, as SVG in the site's style."""
    import matplotlib
    from cycler import cycler
    from matplotlib.figure import Figure
    from matplotlib_inline.backend_inline import configure_inline_support
    from matplotlib_inline.config import InlineBackend

    InlineBackend.instance(parent=shell).figure_formats = set()  # `_draw` takes the place of IPython's own
    matplotlib.use("module://matplotlib_inline.backend_inline")
    matplotlib.rcParams.update(STYLE)
    matplotlib.rcParams["axes.prop_cycle"] = cycler(color=SERIES)
    # In interactive mode, Matplotlib would also draw every figure as a bitmap that nobody sees.
    matplotlib.interactive(False)
    configure_inline_support(shell, "inline")
    shell.display_formatter.formatters[SVG].for_type(Figure, _draw)


def _draw(figure: Any) -> str | None:
    """Draw a Matplotlib figure as SVG, or return None if it is empty, which Jupyter does not show.

    `Figure.savefig` draws everything twice, to find out what it could crop. Nothing is cropped here, or a
    figure's size would depend on its text. There is no date, or each build would differ.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    if not (figure.axes or figure.lines):
        return None
    written = io.StringIO()
    canvas, dpi = figure.canvas, figure.dpi
    svg: Any = FigureCanvasSVG(figure)
    svg.print_svg(written, metadata={"Date": None, "Creator": None})
    figure.set_canvas(canvas)
    figure.dpi = dpi
    return written.getvalue()


def show_open() -> None:
    """Show the figures that a block has left open, as Jupyter does, and close them."""
    import matplotlib.pyplot as plt
    from matplotlib_inline.backend_inline import show

    _closed.update(map(plt.figure, plt.get_fignums()))
    show(close=True)


def forget_changes() -> bool:
    """Return whether something was drawn in a closed figure that is not shown again, and forget that."""
    every = [axes for figure in _closed for axes in figure.axes]
    # Nothing draws hidden axes, so these always seem to have changed.
    changed = any(axes.stale and axes.get_visible() for axes in every)
    for axes in every:
        axes.stale = False
    return changed


def set_drawing(shell: Any, *, on: bool) -> None:
    """Turn on or off that blocks draw the pictures that they show."""
    shell.display_formatter.formatters[SVG].enabled = on


def problem(svg: str) -> str | None:
    """Return why a page cannot contain `svg`, or None if it can.

    >>> problem("<svg><script/></svg>")
    'the figure must be a picture only, not one with a `<script>`; delete it'
    """
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        return f"the block shows a picture that is not SVG: {error}"
    if (kind := root.tag.rpartition("}")[2]) != "svg":
        return f"the block shows a picture that is not SVG: it begins with `<{kind}>`"
    if len(svg) > MAX_SIZE:
        return (
            f"the figure must have at most {MAX_SIZE // 1000} kB, not {len(svg) // 1000:,} kB: "
            "draw fewer points, or pass `rasterized=True` to what draws them"
        )
    active = next((what for element in root.iter() for what in _active_parts(element)), None)
    return active and f"the figure must be a picture only, not one with {active}; delete it"


def _active_parts(element: ElementTree.Element) -> Iterator[str]:
    """Yield what makes an element more than a picture: scripts, and references to anything outside it."""
    kind = element.tag.rpartition("}")[2].lower()
    if kind == "script":
        yield "a `<script>`"
    style = [("style", element.text or "")] if kind == "style" else []
    for qualified, value in [*element.attrib.items(), *style]:
        name = qualified.rpartition("}")[2].lower()
        if name.startswith("on"):
            yield f"the event handler `{name}`"
        elif name in {"href", "src"} and not _INTERNAL.match(value):
            yield f"a reference to `{value}`"
        elif not name.startswith(("aria-", "data-")):
            yield from (f"a reference to `{match[1]}`" for match in _OUTSIDE.finditer(value))


def split_description(alt: str) -> tuple[str, str]:
    """Return the first sentence of a figure's text, which is its caption, and the rest.

    >>> split_description("A line. It rises.")
    ('A line.', 'It rises.')
    """
    first, *rest = re.split(r"(?<=[.?!])\s", alt, maxsplit=1)
    return first, "".join(rest)


def adapt(svg: str) -> str:
    """Give `svg` the colours of both palettes, short numbers, and ids that `page_svg` completes.

    Raises `xml.etree.ElementTree.ParseError` if `svg` is not XML.
    """
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        parent.tag = parent.tag.rpartition("}")[2]
        for child in [child for child in parent if child.tag.endswith("}metadata")]:
            parent.remove(child)
    _dissolve_groups(root, _words(root))
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    for element in root.iter():
        element.attrib = {
            _XLINK.sub("xlink:", name): _attribute(name, value, ids) for name, value in element.attrib.items()
        }
    # A label that the picture refers to would override that of the page, and a role the page's.
    for name in ("width", "height", "version", "aria-labelledby", "aria-label", "role"):
        root.attrib.pop(name, None)
    description = root.find("desc")
    if description is not None and "id" in description.attrib:
        root.attrib["aria-describedby"] = description.attrib["id"]
    return ElementTree.tostring(root, encoding="unicode")


def page_svg(adapted: str, alt: str, prefix: str) -> str:
    """Return a picture of `adapt` for one page: named, and with unique ids.

    `alt` becomes the picture's label, and its `<desc>`, if any, becomes its description. `prefix`
    begins every id.

    >>> print(page_svg(adapt('<svg><path id="p" fill="#2563a8"/></svg>'), "A dot.", "f1"))
    <svg role="img" aria-label="A dot."><path id="f1-p" fill="var(--lesson-c0, #2563a8)" /></svg>
    """
    named = adapted.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)
    return named.replace(_PREFIX, prefix)


def _words(root: ElementTree.Element) -> set[str]:
    """Return all words of the attributes: an id that is not among them is referred to by nothing."""
    attributes = {pair for element in root.iter() for pair in element.attrib.items()}
    return {
        word
        for name, value in attributes
        if name != "id" and name not in _LENGTHS
        for word in re.findall(r"[\w.:-]+", value)
    }


def _dissolve_groups(parent: ElementTree.Element, referred: set[str]) -> None:
    """Replace each group that has at most an id, to which nothing refers, by its children."""
    for child in list(parent):
        _dissolve_groups(child, referred)
        if child.tag == "g" and child.attrib.keys() <= {"id"} and child.get("id") not in referred:
            at = list(parent).index(child)
            parent[at : at + 1] = list(child)


def _attribute(name: str, value: str, ids: set[str]) -> str:
    if name == "id":
        return f"{_PREFIX}-{value}"
    if name in _LENGTHS:
        return (
            _steps(value)
            if _LINES.fullmatch(value)
            else _LONG_NUMBER.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), value)
        )
    if _ID_LISTS.fullmatch(name):
        return " ".join(f"{_PREFIX}-{each}" if each in ids else each for each in value.split())
    if name.startswith(("aria-", "data-")):
        return value  # any text, even one that looks like a colour
    if name.endswith("href") and value[1:] in ids:
        return f"#{_PREFIX}-{value[1:]}"
    return _with_variables(value.replace("url(#", f"url(#{_PREFIX}-"))


def _steps(path: str) -> str:
    """Write straight lines in relative coordinates, to hundredths, which are half as long as absolute ones.

    >>> _steps("M 1 2  L 3.5 2  L 3.5001 8  z ")
    'M1 2l2.5 0l0 6z'
    """
    parts, at = [], (0, 0)
    for command, x, y in re.findall(r"([ML]) (\S+) (\S+)|z", path):
        if not command:
            parts.append("z")
            continue
        to = round(100 * float(x)), round(100 * float(y))
        step = to if command == "M" else (to[0] - at[0], to[1] - at[1])
        parts.append(f"{command.replace('L', 'l')}{step[0] / 100:g} {step[1] / 100:g}")
        at = to
    return "".join(parts)


def _with_variables(value: str) -> str:
    def variable(match: re.Match[str]) -> str:
        colour = match[0].lower()
        return f"var({VARIABLES[colour]}, {colour})"

    return _COLOURS.sub(variable, value)
