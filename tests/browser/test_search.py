"""A search finds the words of code and of messages, and no notebook."""

import re

import pytest
from axe import faults
from playwright.sync_api import Page, expect
from site_pages import ROOT

pytestmark = pytest.mark.slow

FIRST = {
    "accumulates": "lessons/grad-accumulates/",
    "zero_grad": "clinic/",
    "requires_grad_": "lessons/no-grad/",
    "requires_grad": "clinic/",
    "detach": "lessons/computational-graph/",
    "no_grad": "lessons/no-grad/",
    "broadcast": "clinic/",
    "momentum": "lessons/grad-accumulates/",
    "learning rate": "lessons/optimisation/",
    "fit_line": "reference/basics/",
    "print_graph": "reference/graph/",
    "retain_graph": "claims/",
    "lesson 6": "lessons/computational-graph/",
    "modified by an inplace operation": "clinic/",
    "element 0 of tensors does not require grad": "clinic/",
    "backward through the graph a second time": "clinic/",
    "can't optimize a non-leaf": "clinic/",
}


@pytest.fixture
def search(page: Page, address: str) -> Page:
    """A page with its search open."""
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto(address)
    page.keyboard.press("/")
    return page


def first_result(search: Page, address: str, words: str) -> str:
    """The page that a search for `words` shows first."""
    results = search.locator(".md-search-result__link")
    field = search.locator(".md-search__input")
    field.fill("")
    field.press("End")  # the search listens to keys
    expect(results).to_have_count(0)
    field.fill(words)
    field.press("End")
    results.first.wait_for()
    return (results.first.get_attribute("href") or "").removeprefix(address).partition("?")[0]


def test_each_of_these_words_finds_its_page_first(search: Page, address: str) -> None:
    assert {words: first_result(search, address, words) for words in FIRST} == FIRST


def test_each_entry_of_the_clinic_is_found_by_its_own_words(search: Page, address: str) -> None:
    clinic = (ROOT / "docs" / "clinic.md").read_text(encoding="utf-8")
    titles = [title.replace("`", "") for title in re.findall(r"^## (.+)$", clinic, re.MULTILINE)]
    assert len(titles) >= 20
    assert [title for title in titles if first_result(search, address, title) != "clinic/"] == []


def test_the_words_of_a_search_are_marked_on_its_page_and_still_are_when_it_is_loaded_again(
    search: Page, address: str
) -> None:
    marked = search.locator(".md-content mark").first
    first_result(search, address, "broadcast")
    search.keyboard.press("Enter")
    expect(marked).to_have_text("broadcast", ignore_case=True)
    search.reload()
    expect(marked).to_have_text("broadcast", ignore_case=True)


def test_no_search_leads_to_a_notebook_which_has_the_words_of_its_lesson(page: Page, address: str) -> None:
    index = page.request.get(f"{address}search/search_index.json").json()
    places = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert "lessons/linear-regression/" in places
    assert not [place for place in places if place.startswith("notebooks/")]


def test_axe_finds_nothing_in_an_open_search(search: Page, address: str) -> None:
    first_result(search, address, "gradient")
    assert faults(search, ".md-search") == []
