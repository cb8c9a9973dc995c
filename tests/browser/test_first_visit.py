"""What the first visit to a page costs, and what the page lets in."""

import gzip

import pytest
from playwright.sync_api import Page, Response, expect
from site_pages import BUDGETS

pytestmark = pytest.mark.slow


def weight(response: Response) -> int:
    """How many bytes a response has, compressed."""
    return len(gzip.compress(response.body()))


def test_the_first_visit_to_a_lesson_and_its_first_search_are_within_their_budgets(
    page: Page, address: str
) -> None:
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))  # noqa: PLW0108  # a built-in cannot listen
    page.goto(address + "lessons/optimisation/", wait_until="networkidle")
    weights = {response.url.removeprefix(address): weight(response) for response in responses}
    assert sum(weights.values()) <= 1000 * BUDGETS["first_visit_kilobytes"], weights
    with page.expect_response("**/search_index.json") as index:
        page.keyboard.press("/")
    assert weight(index.value) <= 1000 * BUDGETS["search_index_kilobytes"]
    assert index.value.url.removeprefix(address) not in weights, "nobody had searched"


@pytest.mark.parametrize("again", ["opened", "typed"])
def test_a_search_that_could_not_be_reached_works_when_it_is_asked_again(
    page: Page, address: str, again: str
) -> None:
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto(address)
    page.route("**/search_index.json", lambda route: route.abort())
    query = page.get_by_role("textbox", name="Search")
    with page.expect_event("requestfailed"):
        page.keyboard.press("/")
    expect(query).to_be_focused()
    if again == "opened":
        page.keyboard.press("Escape")
        expect(query).not_to_be_focused()
    page.unroute("**/search_index.json")
    if again == "opened":
        page.keyboard.press("/")
        expect(query).to_be_focused()
    page.keyboard.type("accumulates")
    page.locator(".md-search-result__link").first.wait_for()


@pytest.mark.parametrize("opened", ["", "?h=gradient"])
def test_a_letter_opens_a_search_that_lost_the_keyboard_for_a_moment(
    page: Page, address: str, opened: str
) -> None:
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto(address + opened)
    query = page.get_by_role("textbox", name="Search")
    search = page.locator("#__search")
    expect(search).not_to_be_checked()
    page.keyboard.press("/")
    expect(search).to_be_checked()
    expect(query).to_be_focused()
    query.evaluate(
        """query => {
            query.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}));
            query.focus();
        }"""
    )
    expect(search).not_to_be_checked()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("accumulates")
    page.locator(".md-search-result__link").first.wait_for()


def test_a_page_runs_no_script_that_was_not_built_and_calls_no_other_host(page: Page, address: str) -> None:
    page.goto(address)
    refused = page.evaluate(
        """() => new Promise(resolve => {
            const refused = [];
            document.addEventListener('securitypolicyviolation', violation => {
                refused.push(violation.effectiveDirective);
                if (refused.length === 2) resolve(refused.sort());
            });
            document.body.insertAdjacentHTML('beforeend', '<button onclick="window.ran = true">');
            document.body.lastElementChild.click();
            fetch('http://localhost:9/').catch(() => {});
        })"""
    )
    assert refused == ["connect-src", "script-src-attr"]
    assert page.evaluate("window.ran") is None
