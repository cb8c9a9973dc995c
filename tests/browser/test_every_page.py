"""Every page in a browser, visited once: to load a page takes longer than most of what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from conftest import PATIENCE
from copying import assert_copies_do_what_the_page_shows, copies
from site_pages import AXE, CODE, CONTRAST, NOTEBOOKS, PATHS, SETTLED, UNFOLD, WIDTHS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow


@dataclass
class Visit:
    """A page as it was loaded on a desk in the light, and what went wrong with it."""

    path: str
    page: Page
    problems: list[str] = field(default_factory=list)

    def on(self, width: int, scheme: Literal["light", "dark"] = "light") -> Page:
        """Return the page at another width and in another palette."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)
        self.page.wait_for_function(SETTLED)
        return self.page


@pytest.fixture(scope="module")
def visit(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    context = browser.new_context(
        viewport={"width": WIDTHS[0], "height": 900},
        color_scheme="light",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(PATIENCE)
    found = Visit(request.param, context.new_page())
    problems = found.problems
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    context.on(
        "request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else problems.append(r.url)
    )
    found.page.goto(address + found.path, wait_until="networkidle")
    yield found
    context.close()


def visits(paths: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("visit", paths, indirect=True, scope="module")


@visits([*PATHS, *NOTEBOOKS, "404.html"])
def test_axe_finds_nothing_on_a_desk_in_the_light_nor_unfolded_on_a_phone_in_the_dark(visit: Visit) -> None:
    page = visit.on(1300)
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(AXE) == []
    page.evaluate(UNFOLD)
    assert_text_is_legible(page, "default")
    page = visit.on(390, "dark")
    assert page.evaluate(AXE) == []
    assert_text_is_legible(page, "slate")


def assert_text_is_legible(page: Page, palette: str) -> None:
    page.wait_for_selector(f"body[data-md-color-scheme={palette}]")
    looks, faint = page.evaluate(CONTRAST)
    assert looks > 5
    assert faint == []


@visits([*PATHS, *NOTEBOOKS])
def test_a_page_never_scrolls_sideways(visit: Visit) -> None:
    for width in WIDTHS:
        assert visit.on(width).evaluate("document.documentElement.scrollWidth") <= width


@visits(CODE)
def test_a_button_to_copy_never_covers_code(visit: Visit) -> None:
    for width in WIDTHS:
        page = visit.on(width)
        page.evaluate(UNFOLD)
        buttons, covered = page.evaluate(
            """() => {
                const navs = [...document.querySelectorAll('.md-code__nav')].filter(n => n.offsetWidth);
                const covered = navs.filter(nav => {
                    const code = nav.parentElement.querySelector('code'), text = document.createRange();
                    const box = nav.getBoundingClientRect(), room = code.getBoundingClientRect();
                    text.selectNodeContents(code);
                    return [...text.getClientRects()].some(line =>
                        line.width && Math.min(line.right, room.right) > box.left
                        && line.top + 2 < box.bottom && line.bottom > box.top);
                });
                return [navs.length, covered.map(nav => nav.parentElement.innerText)];
            }"""
        )
        assert buttons > 0
        assert covered == []


@visits(CODE)
def test_what_scrolls_and_only_that_is_a_named_region_that_can_be_focused(visit: Visit) -> None:
    for width in WIDTHS:
        page = visit.on(width)
        page.evaluate(UNFOLD)
        page.wait_for_function(SETTLED)
        regions = page.locator(".md-content [role=region]")
        names = regions.evaluate_all("boxes => boxes.map(box => box.ariaLabel)")
        assert len(names) == len(set(names))
        assert all(names)


@visits(CODE)
def test_figures_are_numbered_and_a_caption_is_seen(visit: Visit) -> None:
    captions = visit.page.locator(".lesson-figure > figcaption").all_text_contents()
    assert len(captions) == visit.page.locator(".lesson-figure").count()
    for number, caption in enumerate(captions, 1):
        assert caption.startswith(f"Figure {number}. ")


@visits(CODE)
def test_what_is_copied_from_a_page_runs_in_order_and_shows_what_the_page_shows(visit: Visit) -> None:
    page = visit.on(1300)
    page.evaluate(UNFOLD)
    assert_copies_do_what_the_page_shows(visit.path, copies(page))


# Last, after what the others have done with it.
@visits([*PATHS, *NOTEBOOKS])
def test_a_page_loads_on_a_desk_and_on_a_phone_from_one_host_without_an_error(visit: Visit) -> None:
    page = visit.on(390, "dark")
    page.reload(wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert visit.problems == []
