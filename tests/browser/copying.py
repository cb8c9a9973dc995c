"""What the copy buttons of a page give, pasted in order into a fresh Python, does what the page shows."""

import textwrap

from playwright.sync_api import Page
from site_pages import ROOT

from lessons_src.engine.failures import check_lesson
from lessons_src.engine.lesson import Lesson
from lessons_src.engine.parsing import parse_lesson, read_lesson
from lessons_src.engine.running import run_lesson

COPY = """async (buttons) => {
    const copies = [];
    for (const button of buttons) {
        await navigator.clipboard.writeText('');
        button.click();
        const example = button.closest('.doc-contents .highlight');
        const errors = example ? example.innerText.split('Traceback').length - 1 : null;
        copies.push([await navigator.clipboard.readText(), errors]);
    }
    return copies;
}"""
# A browser lets a script copy for five seconds after what a reader did. This many take less.
AT_ONCE = 8

# An example of a docstring is checked elsewhere; here it is run as at a prompt, for the names that it leaves.
PROMPT = """<!-- hidden -->
```python
def _paste(text, errors):
    import ast, contextlib, io
    seen = 0
    with contextlib.redirect_stdout(io.StringIO()):
        for statement in ast.parse(text).body:
            try:
                exec(compile(ast.Module([statement], []), "<pasted>", "exec"), globals())
            except Exception:
                seen += 1
    assert seen == errors, text
```

"""


def source(path: str) -> Lesson:
    return read_lesson(ROOT / "docs" / f"{path.rstrip('/') or 'index'}.md", ROOT)


def codes(lesson: Lesson) -> list[str]:
    """What is run of a lesson."""
    return [block.code for block in lesson.blocks if block.is_run]


def pasted(path: str, copies: list[tuple[str, int | None]]) -> Lesson:
    """A lesson of what was copied, with the directives and the outputs that the page's blocks have."""
    lesson = source(path)
    blocks = [block for block in lesson.blocks if not block.directives.hidden]
    parts = [PROMPT]
    for text, errors in copies:
        if errors is not None:
            parts.append(f"<!-- hidden -->\n```python\n_paste({text!r}, {errors})\n```\n\n")
            continue
        if text != blocks[0].code.rstrip("\n"):
            continue  # commands for a terminal
        block = blocks.pop(0)
        comments = "".join(lesson.lines[block.span.start : block.fence.start])
        parts.append(f"{textwrap.dedent(comments)}```python\n{text}\n```\n\n")
        if block.output:
            parts.append(f"````text\n{block.output.text}\n````\n\n")
    assert blocks == []
    return parse_lesson("".join(parts), lesson.path)


def copies(page: Page) -> list[tuple[str, int | None]]:
    """What each button to copy of an unfolded page gives, and how many errors its example shows."""
    page.wait_for_selector(".md-code__nav", state="attached")
    buttons = page.query_selector_all(
        ".md-content .highlight:not(.doc-signature, .language-console) [data-clipboard-target]"
    )
    found = []
    for start in range(0, len(buttons), AT_ONCE):
        found += page.evaluate(COPY, buttons[start : start + AT_ONCE])
    return found


def assert_copies_do_what_the_page_shows(path: str, copied: list[tuple[str, int | None]]) -> None:
    lesson = pasted(path, copied)
    # The tests of the page run the same code, where all of it is on the page.
    if codes(lesson)[1:] != codes(source(path)):
        assert [str(failure) for failure in check_lesson(lesson, run_lesson(lesson))] == []
