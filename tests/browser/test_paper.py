"""A lesson on paper: what cannot be scrolled, folded or followed there."""

from collections.abc import Iterator

import pytest
from conftest import PATIENCE
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

SHEET = 627  # what the margins leave of A4, in CSS pixels
FOLDS = (
    "[...document.querySelectorAll('.md-content details')].map(fold => fold.textContent.replace(/\\s/g, ''))"
)


@pytest.fixture(scope="module")
def sheet(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": SHEET, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(address + "lessons/no-grad/")
    page.wait_for_selector(".md-code__nav", state="attached")
    page.emulate_media(media="print")
    yield page
    page.close()


def test_text_has_ten_points_and_the_sheet_has_margins(sheet: Page) -> None:
    size = sheet.locator(".md-content p").first.evaluate(
        "text => parseFloat(getComputedStyle(text).fontSize)"
    )
    assert 13 < size < 14  # 10 pt are 13.3 px
    rules = sheet.evaluate(
        "[...document.styleSheets].flatMap(sheet => [...sheet.cssRules]).map(rule => rule.cssText)"
    )
    assert [rule for rule in rules if rule.startswith("@page")][-1] == "@page { margin: 18mm 22mm; }"


def test_no_heading_and_no_question_is_the_last_thing_on_a_sheet(sheet: Page) -> None:
    breaks = sheet.locator(".md-content :is(h1, h2, h3, summary)").evaluate_all(
        "parts => parts.map(part => getComputedStyle(part).breakAfter)"
    )
    assert len(breaks) > 20
    assert set(breaks) == {"avoid"}


def test_code_outputs_and_drawings_are_as_wide_as_the_sheet_at_most(sheet: Page) -> None:
    wide = sheet.evaluate(
        """[...document.querySelectorAll('.md-content :is(pre, code, samp, svg)')].filter(part =>
            part.getBoundingClientRect().right > innerWidth || part.scrollWidth > part.clientWidth + 1
            && getComputedStyle(part).display !== 'inline').map(part => part.innerText)"""
    )
    assert wide == []


def test_a_link_has_its_address(sheet: Page) -> None:
    link = sheet.locator(".md-content__inner a[href^='https://']:not(.md-content__button)").first
    after = link.evaluate("link => getComputedStyle(link, '::after').content")
    assert f"({link.get_attribute('href')})" in after.replace('" "', "").replace('"', "")


def test_answers_stand_at_the_end_in_the_order_of_their_questions_and_go_back(sheet: Page) -> None:
    before = sheet.evaluate(FOLDS)
    sheet.evaluate("dispatchEvent(new Event('beforeprint'))")
    folds = sheet.locator(".md-content details")
    assert folds.locator("> :not(summary)").count() == 0
    answers = sheet.locator(".md-content__inner > .lesson-answers:last-child > div")
    assert answers.count() == folds.count() > 5
    assert sheet.locator(".lesson-answers").evaluate("part => getComputedStyle(part).breakBefore") == "page"
    pointer = folds.nth(1).locator("summary").evaluate("part => getComputedStyle(part, '::after').content")
    assert pointer == '"Answer 2 is at the end."'
    assert answers.nth(1).locator("samp").last.inner_text().split("\n")[-1].replace(" ", "") in before[1]
    sheet.evaluate("dispatchEvent(new Event('afterprint'))")
    assert sheet.locator(".lesson-answers").count() == 0
    assert sheet.evaluate(FOLDS) == before
