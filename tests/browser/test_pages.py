"""The built site as a reader meets it, in a browser, on a desk and on a phone, in light and dark."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect
from site_pages import REFERENCE

pytestmark = pytest.mark.slow


def test_a_predict_first_answer_is_folded_until_it_is_opened_from_the_keyboard(
    page: Page, address: str
) -> None:
    page.goto(address)
    question = page.locator("details.lesson-predict").first
    answer = question.locator(".lesson-output").first
    assert not answer.is_visible()
    question.locator("summary").focus()
    page.keyboard.press("Enter")
    assert answer.is_visible()
    assert answer.inner_text().strip().endswith("tensor(13.)")


def test_one_switch_shows_all_answers_and_the_next_lesson_remembers_it(
    browser: Browser, address: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    closed = page.locator("details.lesson-predict:not([open])")
    for path, switch in [
        ("lessons/no-grad/", "Show"),
        ("fifteen-lines/", "Show"),  # an exam does not start with its answers
        ("lessons/loss/", "Hide"),
    ]:
        page.goto(address + path)
        answers = page.locator("details.lesson-predict").count()
        expect(closed).to_have_count(answers if switch == "Show" else 0)
        page.get_by_role("button", name=f"{switch} all answers").click()
        expect(closed).to_have_count(0 if switch == "Show" else answers)
    for answer in page.locator("details.lesson-predict > summary").all():
        expect(page.get_by_role("button", name="Show all answers")).to_be_visible()
        answer.click()
    expect(page.get_by_role("button", name="Hide all answers")).to_be_visible()
    context.close()


@pytest.mark.parametrize("path", ["lessons/linear-regression/", "notebooks/lessons/linear-regression/"])
def test_figures_take_their_colours_from_the_palette(page: Page, address: str, path: str) -> None:
    page.goto(address + path)
    colours = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.reload()
        colours.append(page.evaluate("getComputedStyle(document.querySelector('.lesson-figure text')).fill"))
    assert colours[0] != colours[1]


def test_drawings_in_the_reference_have_a_name_and_a_description_and_share_no_id(
    page: Page, address: str
) -> None:
    page.goto(address + "reference/graph/")
    drawings = page.locator("figure .autograd-graph")
    for drawing in drawings.all():
        expect(drawing).to_have_role("img")
        expect(drawing).to_have_accessible_name(re.compile(".{40}"))
        expect(drawing).to_have_accessible_description(re.compile("leaf|leaves"))
    assert drawings.count() == 2
    ids = page.evaluate('[...document.querySelectorAll("[id]")].map(part => part.id)')
    assert sorted(ids) == sorted(set(ids))


def test_signatures_of_the_reference_fit_a_phone(page: Page, address: str) -> None:
    for name in REFERENCE:
        page.goto(f"{address}reference/{name}/")
        wide = page.evaluate(
            """[...document.querySelectorAll(".doc-signature code")]
                .filter(code => code.scrollWidth > code.clientWidth).map(code => code.innerText)"""
        )
        assert wide == []


def test_signatures_have_no_button_to_copy(page: Page, address: str) -> None:
    page.goto(address + "reference/basics/")
    page.wait_for_selector(".md-code__nav", state="attached")
    signatures = page.locator(".doc-signature")
    assert signatures.count() > 3
    assert not any(button.is_visible() for button in signatures.locator("button").all())


def test_copying_an_example_of_the_reference_leaves_prompts_and_outputs_out(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(address + "reference/graph/")
    example = page.locator(".doc-contents > .highlight").filter(has_text="38 more lines")
    example.hover()
    example.locator("[data-clipboard-target], .md-code__button[title^=Copy]").first.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    context.close()
    assert copied.split("\n")[:5] == [
        "import torch",
        "x = torch.tensor(3.0, requires_grad=True)",
        "y = x",
        "for _ in range(20):",
        "    y = y + y",
    ]
    assert ">>>" not in copied
    assert "more lines" not in copied


def test_the_guides_of_a_tree_meet_at_every_size_of_font(page: Page, address: str) -> None:
    page.goto(address + "lessons/computational-graph/")
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    guides, gaps = page.evaluate(
        """() => {
            let count = 0, gaps = [];
            for (const samp of document.querySelectorAll('.lesson-tree samp'))
                for (const size of [10, 13.6, 17, 24]) {
                    samp.style.fontSize = size + 'px';
                    const boxes = [...samp.querySelectorAll('.bar, .tee, .end')].map(guide =>
                        [guide.matches('.end'), guide.getBoundingClientRect()]);
                    for (const [ends, box] of boxes)
                        if (!ends) {
                            count += 1;
                            // What a guide leads down to stands right below it.
                            const below = boxes.some(([, other]) => Math.abs(other.left - box.left) < 0.5
                                && other.top > box.top && other.top <= box.bottom + 0.5);
                            if (!below) gaps.push([size, box.left, box.top]);
                        }
                }
            return [count, gaps];
        }"""
    )
    assert guides > 50
    assert gaps == []


def test_a_search_finds_a_lesson(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto(address)
    page.keyboard.press("/")
    page.keyboard.type("accumulates")
    result = page.locator(".md-search-result__link").first
    result.wait_for()
    assert "grad-accumulates" in (result.get_attribute("href") or "")


def test_a_link_to_a_place_on_the_page_leaves_the_page_as_it_is(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto(address + "lessons/loss/", wait_until="networkidle")
    answer = page.locator("details.lesson-predict").first
    answer.locator("summary").click()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(".md-sidebar--secondary a[href$='#exercises']").click()
    expect(page.locator("#exercises")).to_be_in_viewport()
    page.go_back()
    expect(page.locator("#exercises")).not_to_be_in_viewport()
    page.wait_for_load_state("networkidle")
    expect(answer).to_have_attribute("open", "")
    assert asked == []
