"""Every page in a browser, visited twice: to load a page takes longer than most of what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from axe import faults
from conftest import PATIENCE
from copying import assert_copies_do_what_the_page_shows, copies
from site_pages import CODE, NOTEBOOKS, PATHS, SETTLED, UNFOLD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

DESK = (1300, "light")
PHONE = (390, "dark")
PALETTES = {"light": "default", "dark": "slate"}


@dataclass
class Visit:
    """A page, on a desk in the light or on a phone in the dark, and what went wrong since it was loaded."""

    page: Page
    path: str = "no page yet"
    width: int = 0
    problems: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def visitor(browser: Browser, address: str) -> Iterator[Visit]:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    context.set_default_timeout(PATIENCE)
    visit = Visit(context.new_page())
    problems = visit.problems
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    context.on(
        "request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else problems.append(r.url)
    )
    yield visit
    context.close()


@pytest.fixture(scope="module")
def visit(visitor: Visit, address: str, request: pytest.FixtureRequest) -> Visit:
    path, (visitor.width, scheme) = request.param
    page = visitor.page
    page.set_viewport_size({"width": visitor.width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    visitor.path = path
    visitor.problems.clear()
    page.goto(address + path)
    page.wait_for_selector(f"body[data-md-color-scheme={PALETTES[scheme]}]")
    page.wait_for_function(SETTLED)
    return visitor


def visits(paths: list[str], places: tuple[tuple[int, str], ...] = (DESK, PHONE)) -> pytest.MarkDecorator:
    params = [
        pytest.param((path, place), id=f"{path}-{place[0]}-{place[1]}") for path in paths for place in places
    ]
    return pytest.mark.parametrize("visit", params, indirect=True, scope="module")


@visits([*PATHS, *NOTEBOOKS, "404.html"])
def test_axe_finds_nothing_with_folds_closed_or_open(visit: Visit) -> None:
    page = visit.page
    folded = visit.width == DESK[0] and page.locator("details").count() > 0
    assert not folded or faults(page, measured=False) == []
    page.evaluate(UNFOLD)
    page.wait_for_function(SETTLED)
    assert faults(page, others=not folded) == []


@visits([*PATHS, *NOTEBOOKS])
def test_a_page_never_scrolls_sideways(visit: Visit) -> None:
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= visit.width


@visits(CODE)
def test_a_button_to_copy_never_covers_code(visit: Visit) -> None:
    visit.page.evaluate(UNFOLD)
    buttons, covered = visit.page.evaluate(
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
    page = visit.page
    page.evaluate(UNFOLD)
    page.wait_for_function(SETTLED)
    names = page.locator(".md-content [role=region]").evaluate_all("boxes => boxes.map(box => box.ariaLabel)")
    assert len(names) == len(set(names))
    assert all(names)


@visits(CODE, (DESK,))
def test_figures_are_numbered_and_a_caption_is_seen(visit: Visit) -> None:
    captions = visit.page.locator(".lesson-figure > figcaption").all_text_contents()
    assert len(captions) == visit.page.locator(".lesson-figure").count()
    for number, caption in enumerate(captions, 1):
        assert caption.startswith(f"Figure {number}. ")


@visits(CODE, (DESK,))
def test_what_is_copied_from_a_page_runs_in_order_and_shows_what_the_page_shows(visit: Visit) -> None:
    visit.page.evaluate(UNFOLD)
    assert_copies_do_what_the_page_shows(visit.path, copies(visit.page))


# Last, after what the others have done with it.
@visits([*PATHS, *NOTEBOOKS])
def test_a_page_loads_from_one_host_without_an_error(visit: Visit) -> None:
    assert visit.problems == []
