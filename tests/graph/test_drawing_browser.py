"""The drawing in a browser, on a desk and on a phone, in light and dark."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from expressions import leaf, post_example, unbind_example
from playwright.sync_api import expect

from lessons_src import AutogradGraph
from lessons_src.engine.figures import adapt
from lessons_src.engine.lesson import BlockRun, LessonRun
from lessons_src.engine.page import fill_in, render_pictures, render_results
from lessons_src.engine.parsing import parse_lesson
from lessons_src.graph.drawing_text import description

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

ASSETS = Path(__file__).parents[2] / "docs" / "assets"

PAGE = """\
<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>* { box-sizing: border-box } html { font-size: 125%% } body { margin: 0 }
%s
</style>
<body data-md-color-scheme="%s"><div class="md-content__inner md-typeset">%s</div>"""


def wide_example() -> AutogradGraph:
    """A graph that stands on a page for a desk, and not on a phone."""
    leaves = [leaf(2) for _ in range(6)]
    products = [one * other for one, other in pairwise(leaves)]
    return AutogradGraph.from_output(sum(products[1:], products[0]), {"p": leaves[0], "q": products[0]})


def figures(*graphs: AutogradGraph) -> str:
    """The figures of a lesson that shows these graphs, one in each of its blocks."""
    text = "".join(
        f"<!-- figure: Drawing {number} -->\n```python\ngraph{number}\n```\n" for number in range(len(graphs))
    )
    run = LessonRun([BlockRun(figures=[adapt(graph.to_svg(shapes=True))]) for graph in graphs])
    lesson = parse_lesson(text, "drawings.md")
    return fill_in("".join(render_results(lesson, run).values()), render_pictures(lesson, run))


@pytest.fixture(
    params=[(1300, "default"), (1300, "slate"), (390, "default"), (390, "slate")],
    ids=str,
)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, scheme = request.param
    css = "".join((ASSETS / name).read_text() for name in ("palette.css", "lessons.css"))
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_content(PAGE % (css, scheme, figures(post_example(), unbind_example(), wide_example())))
    yield page
    page.close()


def is_phone(page: Page) -> bool:
    return bool(page.evaluate("innerWidth < 500"))


def test_text_stays_in_its_box_and_can_be_read(page: Page) -> None:
    boxes = page.evaluate("""
        [...document.querySelectorAll(".graph-node")].map(node => {
            const box = node.querySelector("rect").getBoundingClientRect();
            return [...node.querySelectorAll("text")].map(text => {
                const {left, top, right, bottom} = text.getBoundingClientRect();
                const room = Math.min(left - box.left, box.right - right, top - box.top, box.bottom - bottom);
                return [text.textContent, room, parseFloat(getComputedStyle(text).fontSize)
                    * text.getScreenCTM().a];
            });
        }).flat()""")
    assert len(boxes) > 30
    assert all(room > 1 and size > 9 for _, room, size in boxes), boxes


def test_a_drawing_has_its_own_size_or_a_tenth_less_and_is_scrolled_where_that_is_too_wide(
    page: Page,
) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    scales = page.evaluate(
        '[...document.querySelectorAll("svg")].map(svg => svg.querySelector("g").getScreenCTM().a)'
    )
    phone = is_phone(page)
    assert scales == pytest.approx([0.968, 1, 0.9] if phone else [1, 1, 1], abs=0.01)
    wide = page.locator("figure").last
    assert wide.evaluate("figure => figure.scrollWidth > figure.clientWidth") == phone
    left, right = wide.evaluate("""figure => {
        const inside = figure.getBoundingClientRect();
        const drawing = () => figure.querySelector("svg").getBoundingClientRect();
        const left = drawing().left - inside.left;
        figure.scrollLeft = figure.scrollWidth;
        return [left, inside.right - drawing().right];
    }""")
    assert min(left, right) >= 0, "a part of the drawing cannot be scrolled to"


def test_a_drawing_is_scrolled_from_the_keyboard(page: Page) -> None:
    wide = page.locator("figure").last
    wide.focus()
    assert wide.evaluate("figure => figure === document.activeElement")
    page.keyboard.press("ArrowRight")
    if is_phone(page):
        page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_colours_are_those_of_the_page(page: Page) -> None:
    found = page.evaluate("""() => {
        const colour = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
        const page = name => {
            const probe = document.body.appendChild(document.createElement("i"));
            probe.style.color = `var(${name})`;
            return getComputedStyle(probe).color;
        };
        return [
            [colour(".graph-leaf", "color"), page("--lesson-c2")],
            [colour(".graph-root", "color"), page("--lesson-c0")],
            [colour(".graph-leaf rect", "stroke"), page("--lesson-c2")],
            [colour(".graph-edge path", "stroke"), page("--lesson-muted")],
            [colour(".graph-label", "fill"), page("--lesson-ink")],
            [colour("svg > rect", "fill"), page("--lesson-paper")],
        ];
    }""")
    assert [used for used, _ in found] == [meant for _, meant in found]


def test_a_script_finds_a_node_and_an_edge_by_their_data_wherever_in_the_page_they_stand(page: Page) -> None:
    found = page.evaluate("""() => {
        const [drawing] = document.querySelectorAll(".autograd-graph");
        const only = selector => {
            const [part, ...others] = drawing.querySelectorAll(selector);
            part.style.color = "rgb(1, 2, 3)";
            return [part.id, others.length, getComputedStyle(part.querySelector("rect, path")).stroke];
        };
        return [
            only('.graph-node[data-index="3"]'),
            only('.graph-leaf[data-label="d"]'),
            only('.graph-edge[data-from="0"][data-input="1"]'),
        ];
    }""")
    colour = "rgb(1, 2, 3)"
    assert found == [
        ["figure-3-node-3", 0, colour],
        ["figure-3-node-11", 0, colour],
        ["figure-3-edge-0-1", 0, colour],
    ]


def test_a_style_sheet_of_the_page_stands_above_that_of_the_drawing(page: Page) -> None:
    page.add_style_tag(content=".graph-leaf { color: rgb(1, 2, 3) }")
    assert page.evaluate('getComputedStyle(document.querySelector(".graph-leaf")).color') == "rgb(1, 2, 3)"


def test_a_screen_reader_is_told_what_the_page_says_and_then_what_the_drawing_does(page: Page) -> None:
    for number, graph in enumerate((post_example(), unbind_example(), wide_example())):
        drawing = page.get_by_role("img", name=f"Drawing {number}", exact=True)
        expect(drawing).to_have_count(1)
        expect(drawing).to_have_accessible_description(description(graph))
    labelled = page.evaluate(
        '[...document.querySelectorAll("[aria-labelledby], [aria-describedby]")].flatMap(part => '
        '["aria-labelledby", "aria-describedby"].flatMap(name => (part.getAttribute(name) ?? "").split(" "))'
        ".filter(Boolean).map(id => part.contains(document.getElementById(id))))"
    )
    assert labelled == [True] * 3


def test_drawings_on_one_page_share_no_id(page: Page) -> None:
    ids = page.evaluate('[...document.querySelectorAll("[id]")].map(part => part.id)')
    assert len(ids) == len(set(ids)) > 50


def test_leaf_operation_and_root_are_told_apart_without_colour(page: Page) -> None:
    drawn = page.evaluate("""
        ["leaf", "root", "operation"].map(kind => {
            const boxes = [...document.querySelectorAll(`svg .graph-${kind}`)].filter(
                box => kind !== "operation" || !box.matches(".graph-root"));
            return boxes.map(box => [box.querySelectorAll("rect").length,
                parseFloat(getComputedStyle(box.querySelector("rect")).rx) > 10]);
        })""")
    assert [set(map(tuple, kind)) for kind in drawn] == [{(2, True)}, {(2, False)}, {(1, False)}]
