"""The site for those who use it by ear, by keyboard or on a phone."""

import pytest
from playwright.sync_api import Browser, Page
from site_pages import PATHS, SETTLED

pytestmark = pytest.mark.slow


def test_the_script_sees_to_a_page_that_instant_navigation_brings(page: Page, address: str) -> None:
    # Instant navigation knows pages by the sitemap, which has the address that the site is published at.
    published = "http://127.0.0.1:8000/"
    page.route(
        f"{published}**",
        lambda route: route.fulfill(response=route.fetch(url=route.request.url.replace(published, address))),
    )
    page.goto(published, wait_until="networkidle")
    page.evaluate("window.sameDocument = true")
    page.locator(".md-content a[href*=grad-accumulates]").first.click()
    page.locator("h1", has_text=".grad").wait_for()
    page.wait_for_function("() => document.querySelectorAll('.md-code__nav[role=presentation]').length > 30")
    page.wait_for_function(SETTLED)
    assert page.evaluate("window.sameDocument")


def test_without_a_script_what_is_too_wide_for_a_phone_can_be_scrolled_from_the_keyboard(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 900})
    page = context.new_page()
    for path in PATHS:
        page.goto(address + path)
        stuck = page.evaluate(
            """[...document.querySelectorAll('.lesson-output, .lesson-figure')].filter(box =>
                box.scrollWidth > box.clientWidth && box.tabIndex < 0).map(box => box.innerText)"""
        )
        assert stuck == [], path
    context.close()


def test_a_tree_is_read_aloud_by_levels_and_copied_as_it_is(page: Page, address: str) -> None:
    page.goto(address + "reference/graph/")
    tree = page.locator(".lesson-tree").first
    said = tree.aria_snapshot()
    for part in (
        "level 1: SumBackward0: loss",
        "level 3: TanhBackward0 [2]: h",
        "level 6: AccumulateGrad: w",
    ):
        assert part in said
    assert not set("│├└─") & set(said)
    assert tree.inner_text().startswith("└── SumBackward0: loss\n    └── MulBackward0\n        ├── Tanh")


def test_focus_keeps_the_rule_at_the_side_of_a_fold(page: Page, address: str) -> None:
    page.goto(address + "lessons/no-grad/")
    fold = page.locator("details:not(.lesson-predict)").first
    shadow = "fold => getComputedStyle(fold).boxShadow"
    before = fold.evaluate(shadow)
    fold.locator("summary").focus()
    page.wait_for_timeout(300)  # Material's ring fades in
    assert "inset" in before
    assert fold.evaluate(shadow) == before


def test_the_head_of_the_drawer_has_the_colour_of_the_page(page: Page, address: str) -> None:
    page.goto(address + "lessons/no-grad/")
    colours = page.evaluate(
        """[...document.querySelectorAll('.md-nav--primary .md-nav__title')]
            .map(title => getComputedStyle(title).backgroundColor)"""
    )
    assert set(colours) == {page.evaluate("getComputedStyle(document.body).backgroundColor")}


def test_a_picture_in_the_dark_is_no_brighter_than_text(page: Page, address: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(address + "lessons/first-demos/")
    filters = page.evaluate(
        "[...document.querySelectorAll('.lesson-figure image')].map(part => getComputedStyle(part).filter)"
    )
    assert set(filters) == {"brightness(0.8)"}


def test_the_caption_of_a_figure_is_not_read_aloud_twice(page: Page, address: str) -> None:
    page.goto(address + "reference/graph/")
    said = page.locator(".lesson-figure").first.aria_snapshot()
    assert said.startswith('- figure "Figure 1"')
    assert said.count("Six boxes with arrows down") == 1


def test_icons_are_seen_where_the_system_forces_its_colours(browser: Browser, address: str) -> None:
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(address + "lessons/gradients/")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for icon in [".md-code__button", "details:not(.lesson-predict) > summary"]:
        colour = "icon => getComputedStyle(icon, '::after').backgroundColor"
        assert page.locator(icon).first.evaluate(colour) != ground, icon
    context.close()
