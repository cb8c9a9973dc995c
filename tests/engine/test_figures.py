"""Figures stand in a page as if it had drawn them: named, in its colours, with ids of their own."""

import re

import pytest
from bs4 import BeautifulSoup, Tag
from lesson_helpers import PATH, block, failures, parse, result, run

from lessons_src.engine.figures import adapt, page_svg, problem
from lessons_src.palette import INK, SERIES

PLOT = """\
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2, 3], label="loss")
ax.imshow([[0, 1], [1, 0]], alpha=0.5)
ax.legend()
ax.set_title("A & B");"""


@pytest.fixture(scope="module")
def drawn() -> str:
    """What Matplotlib draws in a lesson, adapted to any page."""
    (svg,) = result(run(parse(block(PLOT)))).figures
    return svg


def in_page(adapted: str, prefix: str, alt: str = "") -> Tag:
    """A figure as a browser reads it, to which names in HTML have no namespaces."""
    (found,) = BeautifulSoup(page_svg(adapted, alt, prefix), "html.parser").find_all("svg")
    assert isinstance(found, Tag)
    return found


def test_a_figure_is_an_image_with_a_text(drawn: str) -> None:
    svg = in_page(drawn, "f", 'A <line> & "more"')
    assert (svg["role"], svg["aria-label"]) == ("img", 'A <line> & "more"')


def test_a_figure_takes_the_size_of_its_place_and_keeps_its_shape(drawn: str) -> None:
    svg = in_page(drawn, "f")
    assert svg["viewbox"] == "0 0 360 230.4"
    assert not {"width", "height", "version"} & svg.attrs.keys()


def test_a_figure_takes_the_colours_of_the_page(drawn: str) -> None:
    svg = drawn
    assert "stroke: var(--lesson-c0, #2563a8)" in svg
    assert "fill: var(--lesson-paper, #ffffff)" in svg
    assert svg.count(SERIES[0]) == svg.count(f"var(--lesson-c0, {SERIES[0]})") > 0
    assert svg.count(INK) == svg.count(f"var(--lesson-ink, {INK})") > 0


def test_a_colour_that_is_only_spoken_of_stays_text() -> None:
    svg = page_svg(adapt(f'<svg fill="{INK.upper()}"><text>{INK}</text></svg>'), INK, "f")
    assert svg == (
        f'<svg role="img" aria-label="{INK}" fill="var(--lesson-ink, {INK})"><text>{INK}</text></svg>'
    )


def test_the_text_of_a_figure_stays_text_in_the_fonts_of_the_page(drawn: str) -> None:
    assert ">A &amp; B</text>" in page_svg(drawn, "", "f")


def test_two_figures_have_no_id_in_common_and_point_at_their_own(drawn: str) -> None:
    one, other = (in_page(drawn, prefix) for prefix in ("figure-3", "figure-9"))
    assert not ids(one) & ids(other)
    for svg in (one, other):
        targets = {str(use["xlink:href"])[1:] for use in svg.find_all("use")}
        clips = {
            str(path["clip-path"]).removeprefix("url(#").removesuffix(")")
            for path in svg.select("[clip-path]")
        }
        assert targets
        assert clips
        assert targets | clips <= ids(svg)


def ids(svg: Tag) -> set[str]:
    found = [str(tag["id"]) for tag in svg.select("[id]")]
    assert len(found) == len(set(found)) > 3
    return set(found)


def test_a_picture_that_describes_itself_is_named_by_the_page_and_described_by_itself() -> None:
    svg = in_page(
        adapt(
            '<svg aria-labelledby="t d" role="none" aria-label="b"><title id="t">Mine</title>'
            '<desc id="d">More.</desc><g aria-labelledby="t elsewhere"/></svg>'
        ),
        "f",
        "A dot.",
    )
    assert "aria-labelledby" not in svg.attrs
    assert svg["role"] == "img"
    assert (svg["aria-label"], svg["aria-describedby"]) == ("A dot.", "f-d")
    assert svg.select("g")[0]["aria-labelledby"] == "f-t elsewhere"


def test_a_description_that_nothing_could_refer_to_is_left_alone() -> None:
    assert "aria-describedby" not in in_page(adapt("<svg><desc>More.</desc></svg>"), "f").attrs


def test_what_a_picture_tells_scripts_and_readers_stays_word_for_word() -> None:
    words = "url(#p) #2563A8"
    drawn = f'<svg><g id="p" data-label="{words}" aria-label="{words}" fill="{words}"/></svg>'
    svg = in_page(adapt(drawn), "f")
    (group,) = svg.select("g")
    assert (group["data-label"], group["aria-label"]) == (words, words)
    assert group["fill"] == "url(#f-p) var(--lesson-c0, #2563a8)"


def test_lengths_have_two_decimals_and_nothing_else_is_rounded() -> None:
    svg = adapt('<svg><path d="M 1.23456 -7.0004 L 1e3 2.5" style="opacity: 0.123456" /></svg>')
    assert 'd="M 1.23 -7 L 1e3 2.5" style="opacity: 0.123456"' in svg


def test_straight_lines_are_steps_and_end_where_they_did() -> None:
    path = "M 0.004 0  L 10.126 5  L -3 5.5  z M 7 7  L 8 8.009  "
    assert 'd="M0 0l10.13 5l-13.13 0.5zM7 7l1 1.01"' in adapt(f'<svg><path d="{path}" /></svg>')


def test_a_group_without_a_purpose_is_dissolved_and_one_that_something_refers_to_stays() -> None:
    svg = in_page(
        adapt(
            '<svg><g id="figure_1"><g><path id="a"/></g><g id="b" opacity="0.5"/></g>'
            '<g id="c"/><use href="#c"/><g id="d"/><path aria-labelledby="d e"/></svg>'
        ),
        "f",
    )
    assert [(tag.name, tag.get("id")) for tag in svg.find_all(True)] == [
        ("path", "f-a"),
        ("g", "f-b"),
        ("g", "f-c"),
        ("use", None),
        ("g", "f-d"),
        ("path", None),
    ]


def test_a_picture_within_a_figure_stays(drawn: str) -> None:
    assert str(in_page(drawn, "f").find_all("image")[0]["xlink:href"]).startswith("data:image/png;base64")


def test_a_figure_says_nothing_of_when_and_with_what_it_was_drawn(drawn: str) -> None:
    assert "metadata" not in drawn
    assert "Matplotlib" not in drawn
    assert adapt("<svg><m:metadata xmlns:m='http://a.b/'>Matplotlib</m:metadata><path/></svg>") == (
        "<svg><path /></svg>"
    )


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("<script/>", "a `<script>`"),
        ("<g><s:script xmlns:s='http://www.w3.org/2000/svg'/></g>", "a `<script>`"),
        ("<SCRIPT/>", "a `<script>`"),
        ("<g onclick='go()'/>", "the event handler `onclick`"),
        ("<g onLoad='go()'/>", "the event handler `onload`"),
        ("<a href='javascript:go()'/>", "a reference to `javascript:go()`"),
        (
            "<a x:href='https://a.b/' xmlns:x='http://www.w3.org/1999/xlink'/>",
            "a reference to `https://a.b/`",
        ),
        ("<image href='dot.png'/>", "a reference to `dot.png`"),
        ("<image href='//a.b/dot.png'/>", "a reference to `//a.b/dot.png`"),
        ("<a href='data:text/html,x'/>", "a reference to `data:text/html,x`"),
        ("<image src='https://a.b/'/>", "a reference to `https://a.b/`"),
        ("<g fill='url(https://a.b/#c)'/>", "a reference to `https://a.b/#c`"),
        ("<g style='fill: url( \"a.svg#c\" )'/>", "a reference to `a.svg#c`"),
        ("<style>@import 'a.css';</style>", "a reference to `a.css`"),
        ("<style>@import url(a.css);</style>", "a reference to `a.css`"),
        (
            "<style>@font-face {src: url('https://a.b/c.woff2')}</style>",
            "a reference to `https://a.b/c.woff2`",
        ),
    ],
)
def test_a_figure_with_a_script_or_a_reference_to_elsewhere_is_refused(part: str, what: str) -> None:
    must = "the figure must be a picture only"
    assert problem(f"<svg>{part}</svg>") == f"{must}, not one with {what}; delete it"


def test_a_picture_refers_to_itself_and_speaks_of_anything() -> None:
    words = "url(https://a.b/) javascript:go() @import 'a'"
    assert failures(block(PLOT, None, "figure: A line.")) == []
    assert problem("<svg><g fill='url(#p) url( &quot;#p&quot; )'/><use href='#p'/></svg>") is None
    assert problem(f'<svg><text aria-label="{words}" data-x="{words}">{words} onclick=</text></svg>') is None
    assert problem("<svg><style>@font-face {src: url(data:font/woff2;base64,AA)}</style></svg>") is None


def test_a_figure_that_is_too_large_is_refused_with_its_size_and_a_cure() -> None:
    code = "import matplotlib.pyplot as plt\nx = range(6_000)\n_ = plt.scatter(x, x, c=x{})"
    (failure,) = failures(block(code.format(""), None, "figure: Points."))
    size = r"the figure must have at most 500 kB, not \d\d\d kB"
    assert re.match(rf"{PATH}:3: {size}: draw fewer points, or pass `rasterized=True`", failure)
    assert failures(block(code.format(", rasterized=True"), None, "figure: Points.")) == []


def test_what_is_not_xml_is_refused_before_it_comes_to_a_page() -> None:
    assert problem("<svg/>") is None
    assert (
        problem("<svg>&nbsp;</svg>")
        == "the block shows a picture that is not SVG: undefined entity: line 1, column 5"
    )


def test_a_picture_begins_as_one_or_nothing_could_name_it() -> None:
    assert problem("<s:svg xmlns:s='http://www.w3.org/2000/svg'/>") is None
    assert problem("<g><svg/></g>") == "the block shows a picture that is not SVG: it begins with `<g>`"
