"""What axe-core finds on the pages: nothing."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page
from site_pages import NOTEBOOKS, PATHS, SETTLED, UNFOLD

pytestmark = pytest.mark.slow

# Every rule but one: a contrast of 7, instead of 4.5, leaves no room for colours that mean something.
AXE = """async (area) => {
    const rules = axe.getRules().map(rule => rule.ruleId).filter(id => !id.startsWith('color-contrast'));
    const options = {runOnly: {type: 'rule', values: rules}, resultTypes: ['violations'], preload: false};
    const found = await axe.run(area || document, options);
    return found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html}`));
}"""

# To measure one contrast takes axe long: each pair of colours at each size is measured once.
CONTRAST = """async () => {
    const looks = new Map();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const part = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !part.checkVisibility({visibilityProperty: true})) continue;
        const grounds = [];
        for (let box = part; box; box = box.parentElement)
            grounds.push(getComputedStyle(box).backgroundColor);
        const {color, fill, fontSize, fontWeight} = getComputedStyle(part);
        const ground = grounds.filter(colour => !colour.endsWith(', 0)'));
        const look = [color, fill, fontSize, fontWeight, ground];
        if (!looks.has(`${look}`)) looks.set(`${look}`, part);
    }
    const options = {runOnly: {type: 'rule', values: ['color-contrast']}, resultTypes: ['violations']};
    const found = await axe.run({include: [...looks.values()]}, options);
    return [looks.size, found.violations.flatMap(rule => rule.nodes.map(node => node.html))];
}"""


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
