"""With cookies blocked, a browser throws where a script looks at its storage."""

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.slow

# As Chromium does with its setting "Block all cookies", which its headless shell does not have.
BLOCK = """for (const name of ['localStorage', 'sessionStorage'])
    Object.defineProperty(window, name, {configurable: true, get() {
        throw new DOMException(`Failed to read the '${name}' property from 'Window'`, 'SecurityError');
    }});"""


def test_search_copy_and_palette_work_with_cookies_blocked(page: Page, address: str) -> None:
    page.add_init_script(BLOCK)
    page.set_viewport_size({"width": 1300, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address, wait_until="networkidle")
    page.locator(".md-code__button").first.wait_for(state="attached")
    page.keyboard.press("/")
    page.keyboard.type("momentum")
    page.locator(".md-search-result__link").first.wait_for()
    assert errors == []
