"""The drawing in a browser, on a desk and on a phone, in light and dark."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from expressions import post_example, unbind_example
from playwright.sync_api import sync_playwright

from lessons_src.publishing.figures import page_svg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ASSETS = Path(__file__).parents[2] / "docs" / "assets"
CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

if not CHROMIUM:
    # A reader's machine need not have it; where CI runs, its absence is a failure.
    assert not os.environ.get("CI"), "install chromium: .ci/run does"
    pytest.skip("there is no chromium on this machine", allow_module_level=True)

PAGE = """\
<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>* { box-sizing: border-box } html { font-size: 125%% } body { margin: 0 }
%s
</style>
<body data-md-color-scheme="%s"><div class="md-content__inner md-typeset">%s</div>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(
    params=[(1300, "default"), (1300, "slate"), (390, "default"), (390, "slate")],
    ids=str,
)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, scheme = request.param
    css = "".join((ASSETS / name).read_text() for name in ("palette.css", "lessons.css"))
    drawings = [post_example().to_svg(shapes=True), unbind_example().to_svg(shapes=True)]
    figures = [
        f'<figure class="lesson-figure">{page_svg(svg, f"Drawing {number}", f"f{number}")}</figure>'
        for number, svg in enumerate(drawings)
    ]
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_content(PAGE % (css, scheme, "".join(figures)))
    yield page
    page.close()


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


def test_a_drawing_is_no_wider_than_the_page_and_no_larger_than_it_is_meant(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    scales = page.evaluate(
        '[...document.querySelectorAll("svg")].map(svg => svg.querySelector("g").getScreenCTM().a)'
    )
    assert all(0.8 < scale <= 1.001 for scale in scales), scales


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


def test_a_script_colours_a_node_by_its_id(page: Page) -> None:
    found = page.evaluate("""() => {
        document.querySelector("#f0-node-3").style.color = "rgb(1, 2, 3)";
        return getComputedStyle(document.querySelector("#f0-node-3 rect")).stroke;
    }""")
    assert found == "rgb(1, 2, 3)"


def test_a_style_sheet_of_the_page_stands_above_that_of_the_drawing(page: Page) -> None:
    page.add_style_tag(content=".graph-leaf { color: rgb(1, 2, 3) }")
    assert page.evaluate('getComputedStyle(document.querySelector(".graph-leaf")).color') == "rgb(1, 2, 3)"


def test_a_screen_reader_is_told_what_the_page_says(page: Page) -> None:
    assert page.get_by_role("img", name="Drawing 0", exact=True).count() == 1
