"""The editor of a live block, on a lesson's page: it looks like the block, and has the usual keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe import faults
from site_pages import ROOT, UNFOLD, WIDTHS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

LIVE = ROOT / "lessons_src" / "engine" / "live"
BLOCKS = ".highlight:not(.doc-signature, .language-console) > pre > code:not(.lesson-editor)"

# An editor in the place of each block; the first has what the tests ask for.
OPEN = """async (blocks) => {
    const { createEditor } = await import('/editor.js');
    window.calls = [];
    window.editors = blocks.map((block, index) => {
        const editor = createEditor(block.parentElement, {
            value: block.textContent.replace(/\\n$/, ''),
            label: `Code of block ${index + 1}`,
            onInput: (text) => calls.push(text),
            onRun: () => calls.push('run'),
        });
        block.hidden = true;
        return editor;
    });
}"""

CLOSE = """(blocks) => editors.forEach((editor, index) => {
    editor.remove();
    blocks[index].hidden = false;
})"""

# What one sees of each character: where it is, its colour, weight and slant; and how much room all have.
LOOK = """(code) => {
    const seen = [['height', code.parentElement.offsetHeight], ['width', code.scrollWidth]];
    const range = document.createRange();
    const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    for (let text; (text = walker.nextNode()); ) {
        const { color, fontWeight, fontStyle } = getComputedStyle(text.parentElement);
        [...text.data].forEach((character, index) => {
            if (/\\s/.test(character)) return;
            range.setStart(text, index);
            range.setEnd(text, index + 1);
            const { x, y } = range.getBoundingClientRect();
            seen.push([character + color + fontWeight + fontStyle, x, y]);
        });
    }
    return seen;
}"""
# A browser places text that lies in other elements up to a twentieth of a pixel elsewhere.
DIFFER = """(codes) => codes.flatMap((code, index) => {
    const [before, after] = [looks[index], look(code)];
    return [before.length === after.length ? [] : 'length', ...before.filter(([what, ...numbers], at) =>
        after[at][0] !== what || numbers.some((number, axis) => Math.abs(number - after[at][axis + 1]) > 0.05)
    )].flat();
})"""


def open_lesson(page: Page, address: str) -> None:
    """Show a lesson with the files that the laboratory alone serves."""
    page.route("**/editor.js", lambda route: route.fulfill(path=LIVE / "editor.js"))
    page.goto(f"{address}lessons/no-grad/")
    page.add_style_tag(path=LIVE / "editor.css")
    page.evaluate(UNFOLD)


@pytest.fixture(scope="module")
def lesson(browser: Browser, address: str) -> Iterator[Page]:
    """A lesson on a wide screen."""
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    open_lesson(page, address)
    yield page
    page.close()


@pytest.fixture
def editor(lesson: Page) -> Iterator[Page]:
    """The lesson where the first block is edited, is empty, and has the focus."""
    lesson.eval_on_selector_all(BLOCKS, f"async (all) => {{ await ({OPEN})(all.slice(0, 1)) }}")
    lesson.evaluate("editors[0].value = ''; calls.length = 0; editors[0].focus()")
    yield lesson
    lesson.eval_on_selector_all(BLOCKS, CLOSE)


def value(page: Page) -> str:
    return str(page.evaluate("editors[0].value"))


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_an_editor_looks_like_the_block_whose_place_it_takes(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    open_lesson(page, address)
    seen = page.eval_on_selector_all(BLOCKS, f"all => (looks = all.map(look = {LOOK})).flat().length")
    page.eval_on_selector_all(BLOCKS, OPEN)
    assert seen > 5000
    assert page.eval_on_selector_all(".lesson-editor", DIFFER) == []
    page.close()


def test_tab_indents_by_four_spaces_and_shift_tab_takes_them_back(editor: Page) -> None:
    editor.keyboard.type("a\nb")
    press(editor, "Control+a", "Tab")
    assert value(editor) == "    a\n    b"
    press(editor, "Shift+Tab")
    assert value(editor) == "a\nb"
    press(editor, "End", "Tab")
    assert value(editor) == "a\nb   "


def test_enter_keeps_the_indentation_and_adds_to_it_after_a_colon(editor: Page) -> None:
    editor.keyboard.type("for i in x:\nif i:\nbreak")
    press(editor, "Enter", "Backspace")
    editor.keyboard.type("y")
    assert value(editor) == "for i in x:\n    if i:\n        break\n    y"


def test_brackets_and_quotes_come_in_pairs(editor: Page) -> None:
    editor.keyboard.type('print(f"{x[0]} is")')
    assert value(editor) == 'print(f"{x[0]} is")'
    press(editor, "Control+a")
    editor.keyboard.type("(")
    assert value(editor) == '(print(f"{x[0]} is"))'
    press(editor, "Control+a", "Delete")
    editor.keyboard.type('f"')
    assert value(editor) == 'f""'
    press(editor, "Backspace", "Backspace")
    editor.keyboard.type('"""It\'s."""')
    assert value(editor) == '"""It\'s."""'


def test_a_comparison_of_what_is_selected_is_no_pair(editor: Page) -> None:
    editor.keyboard.type("a")
    press(editor, "Control+a")
    editor.keyboard.type("<")
    assert value(editor) == "<"


def test_a_key_makes_comments_of_lines_and_another_moves_them(editor: Page) -> None:
    editor.keyboard.type("a\nb")
    press(editor, "Control+/", "Alt+ArrowUp")
    assert value(editor) == "# b\na"
    press(editor, "Control+/")
    assert value(editor) == "b\na"


@pytest.mark.parametrize("key", ["Control+Enter", "Meta+Enter"])
def test_one_key_runs_the_block_and_changes_nothing(editor: Page, key: str) -> None:
    editor.keyboard.type("a")
    press(editor, key)
    assert editor.evaluate("calls") == ["a", "run"]
    assert value(editor) == "a"


def test_a_key_that_is_held_runs_once(editor: Page) -> None:
    editor.keyboard.down("Control")
    editor.keyboard.down("Enter")
    editor.keyboard.down("Enter")
    assert editor.evaluate("calls") == ["run"]
    editor.keyboard.up("Enter")
    editor.keyboard.up("Control")


def test_what_was_done_is_undone_and_done_again(editor: Page) -> None:
    editor.keyboard.type("a = 1")
    press(editor, "Enter")
    editor.keyboard.type("b")
    press(editor, "Control+z", "Control+z")
    assert value(editor) == "a = 1"
    press(editor, "Control+Shift+z", "Control+y")
    assert value(editor) == "a = 1\nb"


def test_text_that_a_script_sets_is_told_of_and_can_be_undone(editor: Page) -> None:
    editor.keyboard.type("mine")
    editor.evaluate("editors[0].value = 'the page\\'s'")
    assert editor.evaluate("calls.at(-1)") == value(editor) == "the page's"
    press(editor, "Control+z")
    assert value(editor) == "mine"


def test_escape_and_then_tab_leaves_the_editor(editor: Page) -> None:
    textbox = editor.get_by_role("textbox", name="Code of block 1")
    press(editor, "Escape")
    assert textbox.evaluate("box => box === document.activeElement")
    press(editor, "Tab")
    assert not textbox.evaluate("box => box === document.activeElement")
    press(editor, "Shift+Tab")
    assert textbox.evaluate("box => box === document.activeElement")
    press(editor, "Escape", "Shift+Tab")
    assert not textbox.evaluate("box => box === document.activeElement")
    assert value(editor) == ""
    textbox.focus()
    press(editor, "Escape", "a", "Tab")
    assert value(editor) == "a   "


def test_it_has_a_name_says_how_to_leave_it_and_breaks_no_rule_of_axe(editor: Page) -> None:
    editor.evaluate("editors[0].value = 'def f(): # why\\n    return 1'; editors[0].markLine(2)")
    textbox = editor.get_by_role("textbox", name="Code of block 1")
    assert textbox.get_attribute("aria-describedby") == editor.locator(".lesson-editor-keys").get_attribute(
        "id"
    )
    assert editor.locator(".lesson-editor-keys").inner_text() == "Tab indents. Escape, then Tab leaves."
    assert faults(editor, ".highlight:has(.lesson-editor)") == []
    press(editor, "Escape", "Tab")
    assert not editor.locator(".lesson-editor-keys").is_visible()


def test_the_line_that_raised_is_marked(editor: Page) -> None:
    editor.keyboard.type("a\nb\nc")
    editor.evaluate("editors[0].markLine(2)")
    assert editor.locator(".lesson-editor-mark").all_inner_texts() == ["b\n"]
    editor.evaluate("editors[0].markLine(3)")
    assert editor.locator(".lesson-editor-mark").all_inner_texts() == ["c\n"]
    editor.evaluate("editors[0].markLine(null)")
    assert editor.locator(".lesson-editor-mark").count() == 0


def test_it_grows_with_its_text_and_a_long_line_is_scrolled_with_what_is_typed(editor: Page) -> None:
    code = editor.locator(".lesson-editor")
    height = code.evaluate("code => code.offsetHeight")
    press(editor, "Enter", "Enter")
    line = code.evaluate("code => parseFloat(getComputedStyle(code).lineHeight)")
    assert code.evaluate("code => code.offsetHeight") == pytest.approx(height + 2 * line, abs=1)
    editor.keyboard.type("x" * 100)
    assert code.evaluate("code => code.scrollLeft") > 0
    press(editor, "Home")
    assert code.evaluate("code => code.scrollLeft") < 20


def test_remove_leaves_the_page_as_it_was(lesson: Page) -> None:
    before = lesson.inner_html(".md-content")
    lesson.eval_on_selector_all(BLOCKS, OPEN)
    assert lesson.locator(".lesson-editor").count() > 30
    lesson.eval_on_selector_all(BLOCKS, CLOSE)
    assert lesson.inner_html(".md-content") == before


def test_on_a_phone_a_tap_opens_the_keyboard_and_words_that_are_composed_arrive(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900}, has_touch=True, is_mobile=True)
    page = context.new_page()
    open_lesson(page, address)
    page.eval_on_selector_all(BLOCKS, OPEN)
    page.evaluate("editors[0].value = 'x = 1'")
    textbox = page.get_by_role("textbox", name="Code of block 1", exact=True)
    textbox.tap()
    assert textbox.evaluate("box => box === document.activeElement")
    assert textbox.get_attribute("autocapitalize") == "off"
    assert not page.locator(".lesson-editor-keys").first.is_visible()
    press(page, "Control+End")
    # A keyboard on glass gives no keys, only text: a word that still changes, and then the word.
    keyboard = context.new_cdp_session(page)
    keyboard.send("Input.imeSetComposition", {"text": " + los", "selectionStart": 6, "selectionEnd": 6})
    keyboard.send("Input.insertText", {"text": " + loss"})
    assert value(page) == "x = 1 + loss"
    assert page.locator(".lesson-editor").first.inner_text().strip() == "x = 1 + loss"
    context.close()
