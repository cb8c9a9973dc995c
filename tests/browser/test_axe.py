"""What axe-core finds on the pages: nothing."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page
from site_pages import AXE, CONTRAST, NOTEBOOKS, PATHS, SETTLED, UNFOLD

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("path", [*PATHS, *NOTEBOOKS, "404.html"])
def test_axe_finds_nothing_on_a_desk_in_the_light_and_unfolded_on_a_phone_in_the_dark(
    page: Page, address: str, path: str
) -> None:
    page.set_viewport_size({"width": 1300, "height": 900})
    page.emulate_media(color_scheme="light")
    page.goto(address + path, wait_until="networkidle")
    page.evaluate(AXE_SCRIPT)
    page.wait_for_function(SETTLED)
    assert page.evaluate(AXE) == []
    page.evaluate(UNFOLD)
    assert_text_is_legible(page, "default")
    page.set_viewport_size({"width": 390, "height": 900})
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(SETTLED)
    assert page.evaluate(AXE) == []
    assert_text_is_legible(page, "slate")


def assert_text_is_legible(page: Page, palette: str) -> None:
    page.wait_for_selector(f"body[data-md-color-scheme={palette}]")
    looks, faint = page.evaluate(CONTRAST)
    assert looks > 5
    assert faint == []


def test_axe_finds_nothing_in_an_open_search(page: Page, address: str) -> None:
    page.goto(address)
    page.keyboard.press("/")
    page.keyboard.type("gradient")
    page.locator(".md-search-result__link").first.wait_for()
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(AXE, ".md-search") == []
