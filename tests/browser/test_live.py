"""A reader edits blocks and runs them, in a browser, under `mkdocs serve`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe import faults
from conftest import PATIENCE
from playwright.sync_api import Locator, Page, expect
from site_pages import SETTLED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LESSON = """\
# A lesson

```python
x = 2


def half(n):
    return n / 2
```

Prose.

```python
print("x is", x)
x * 10
```

```text
x is 2
20
```

<!-- predict: What comes out? -->
```python
x + 1
```

```text
3
```

It is one more.

<!-- /predict -->

<!-- hidden -->
<!-- figure: A line that rises. -->
```python
import matplotlib.pyplot as plt
plt.plot([0, x]);
```

<!-- raises -->
```python
x / 0
```

```text
ZeroDivisionError: division by zero
```

<!-- hidden -->
```python
def check(answer):
    print("Right." if answer == 4 else "Not yet: it is even.")
```

<!-- exercise: ★ 5 min -->
```python
answer = None
check(answer)
```

```text
Not yet: it is even.
```

??? success "Solution"

    ```python
    x = 1000
    x + 1
    ```

    ```text
    1001
    ```
"""
# The editable blocks, in order
X, PRINT, PREDICT, RAISES, EXERCISE, SOLUTION = range(6)


class Server:
    """`mkdocs serve` of one lesson, with this site's theme, scripts and styles."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lesson = root / "docs" / "lesson.md"
        for name in ("assets", ".overrides"):
            shutil.copytree(ROOT / "docs" / name, root / "docs" / name)
        shutil.copytree(ROOT / "lessons_src", root / "lessons_src")
        configuration = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
        configuration = re.sub(r"^nav:\n(?:  .*\n)+", "", configuration, flags=re.MULTILINE)
        (root / "mkdocs.yml").write_text(configuration)
        (root / "docs" / "index.md").write_text("# Home\n\n[The lesson](lesson.md)\n")
        (root / "docs" / "glossary.md").write_text("# Glossary\n\n### block\n\nSome code.\n\nMore.\n")
        self.lesson.write_text(LESSON, encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"
        self.directories = root / "tmp"
        self.directories.mkdir()
        self.log = root / "log"
        command = [sys.executable, "-m", "mkdocs", "serve", "--dirty", "--no-strict", "--livereload"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--dev-addr", f"127.0.0.1:{self.port}"],
                cwd=root,
                env={**os.environ, "TMPDIR": str(self.directories)},
                stdout=log,
                stderr=log,
            )
        for _ in range(1200):
            if "Serving on" in self.log.read_text(encoding="utf-8"):
                return
            time.sleep(0.1)
        self.stop()
        raise AssertionError(self.log.read_text(encoding="utf-8"))

    def stop(self) -> None:
        """End the server as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("live"))
    yield made
    made.stop()


@pytest.fixture
def lesson(browser: Browser, server: Server) -> Iterator[Page]:
    """The lesson on a desk, in a tab of its own."""
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(server.address + "lesson/")
    page.locator(".live-edit").nth(EXERCISE).wait_for()
    yield page
    assert problems == []
    context.close()


def edit(page: Page, block: int) -> Locator:
    """Open the editor of a block, and return its frame."""
    frame = page.locator(".highlight", has=page.locator(".live-edit")).nth(block)
    frame.get_by_role("button", name="Edit", exact=True).click()
    expect(frame.get_by_role("textbox")).to_be_focused()
    return frame


def write(frame: Locator, code: str) -> Locator:
    """Put `code` in place of what is in the editor."""
    box = frame.get_by_role("textbox")
    box.press("Control+a")
    box.page.keyboard.insert_text(code)
    return frame


def run(frame: Locator) -> Locator:
    """Run the block, and return what says how it went."""
    frame.get_by_role("button", name="Run", exact=True).click()
    expect(frame.get_by_role("button", name="Stop")).to_be_hidden()
    return frame.get_by_role("status")


def outputs(page: Page) -> list[str]:
    return page.locator(".live-yours").all_inner_texts()


def test_an_edit_is_run_and_shown_in_place_of_the_stored_output(lesson: Page) -> None:
    frame = write(edit(lesson, PRINT), "print('mine', x)")
    expect(lesson.get_by_text("Not run since you changed it.")).to_be_visible()
    expect(run(frame)).to_contain_text("Ran 2 blocks, from the top of the page.")
    assert outputs(lesson) == ["mine 2"]
    assert "x is 2" not in lesson.locator(".md-content").inner_text()
    content = "getComputedStyle(document.querySelector('.live-yours'), '::before').content"
    assert lesson.evaluate(content) == '"Your output"'


def test_what_is_below_an_edit_says_that_it_has_not_run_until_all_below_is_run(lesson: Page) -> None:
    frame = write(edit(lesson, X), "x = 4")
    expect(run(frame)).to_contain_text("Ran this block.")
    stale = lesson.get_by_text("Not run since a block above was changed.")
    expect(stale).to_have_count(5)  # the figure among them
    frame.get_by_role("button", name="Run all below").click()
    expect(frame.get_by_role("status")).to_contain_text("Ran 7 blocks, from the top of the page.")
    expect(stale).to_have_count(0)
    expect(frame.get_by_role("button", name="Run all below")).to_be_hidden()
    assert [text.strip() for text in outputs(lesson)] == [
        "x is 4\n40",
        "",  # in the closed fold
        *[text for text in outputs(lesson) if text.endswith("Your figure")],
        "ZeroDivisionError: division by zero\n(in line 1 of this block)",
        "Not yet: it is even.",
    ]
    assert not lesson.locator("details.lesson-predict").get_attribute("open"), "an answer stays folded"


def test_an_error_names_the_line_and_the_editor_marks_it(lesson: Page) -> None:
    frame = write(edit(lesson, PRINT), "y = x\nprint(z)\n")
    expect(run(frame)).to_have_text("It ended with an error, which is below.")
    assert outputs(lesson) == ["NameError: name 'z' is not defined\n(in line 2 of this block)"]
    expect(frame.locator(".lesson-editor-mark")).to_have_text("print(z)")
    write(frame, "x")
    expect(frame.locator(".lesson-editor-mark")).to_have_count(0)


def test_an_error_above_is_shown_there_and_led_to(lesson: Page) -> None:
    write(edit(lesson, X), "x = oops")
    frame = edit(lesson, EXERCISE)
    expect(run(frame)).to_have_text("A block above ended with an error: mend it, or reset it. Go to it")
    frame.get_by_role("button", name="Go to it").click()
    expect(lesson.locator(".live-yours").first).to_be_in_viewport()
    assert "NameError" in outputs(lesson)[0]


@pytest.mark.parametrize("change", ["mended", "reset"])
def test_what_a_block_says_of_its_last_run_goes_when_a_block_above_is_changed(
    lesson: Page, change: str
) -> None:
    above = write(edit(lesson, X), "x = oops")
    frame = edit(lesson, EXERCISE)
    expect(run(frame)).to_contain_text("A block above ended with an error")
    if change == "mended":
        write(above, "x = 3")
    else:
        above.get_by_role("button", name="Reset").click()
    expect(frame.get_by_role("status")).to_have_text("")


def test_a_line_above_that_raised_is_led_to_and_marked_though_nobody_has_edited_it(lesson: Page) -> None:
    frame = write(edit(lesson, PRINT), "y = x\nhalf('two')")
    expect(run(frame)).to_have_text("It ended with an error, which is below. Go to the line")
    assert outputs(lesson)[0].endswith("\n(in line 5 of a block above, called in line 2 of this block)")
    expect(lesson.locator(".lesson-editor-mark")).to_have_text("half('two')")
    frame.get_by_role("button", name="Go to the line").click()
    expect(lesson.get_by_role("textbox", name="Code").first).to_be_focused()
    expect(lesson.locator(".lesson-editor-mark").first).to_have_text("    return n / 2")


def test_a_loop_is_stopped_and_the_next_run_is_a_new_one(lesson: Page) -> None:
    frame = write(edit(lesson, PRINT), "while True:\n    pass")
    frame.get_by_role("button", name="Run", exact=True).click()
    expect(frame.get_by_role("status")).to_have_text("Running block 2 of 2 …")
    frame.get_by_role("button", name="Stop").click()
    expect(frame.get_by_role("status")).to_have_text("Stopped.")
    expect(frame.get_by_role("textbox")).to_be_focused()
    write(frame, "x")
    run(frame)
    assert outputs(lesson) == ["2"]


def test_prints_come_as_a_block_runs_and_stay_when_it_is_stopped(lesson: Page) -> None:
    frame = write(edit(lesson, PRINT), "print('step', 1)\nwhile True: pass")
    frame.get_by_role("button", name="Run", exact=True).click()
    expect(lesson.locator(".live-yours")).to_have_text("step 1")
    frame.get_by_role("button", name="Stop").click()
    expect(lesson.get_by_text("Its last run was ended early.")).to_be_visible()
    assert outputs(lesson) == ["step 1"]
    run(write(frame, "x"))
    assert outputs(lesson) == ["2"]
    expect(lesson.get_by_text("Its last run was ended early.")).to_have_count(0)


def test_prints_of_a_run_that_goes_on_stay_while_the_reader_writes_elsewhere(lesson: Page) -> None:
    frame = write(edit(lesson, PRINT), "print('step', 1)\nwhile True: pass")
    frame.get_by_role("button", name="Run", exact=True).click()
    expect(lesson.locator(".live-yours")).to_have_text("step 1")
    write(edit(lesson, EXERCISE), "answer = 1")
    expect(lesson.get_by_text("Its last run was ended early.")).to_have_count(0)
    expect(lesson.locator(".live-yours")).to_have_text("step 1")
    write(frame, "x")
    expect(lesson.locator(".live-yours + .live-note")).to_have_text("Not run since you changed it.")
    frame.get_by_role("button", name="Stop").click()
    expect(lesson.locator(".live-yours + .live-note")).to_have_text("Not run since you changed it.")


def test_a_new_run_of_a_page_ends_the_one_before(lesson: Page) -> None:
    looping = write(edit(lesson, PRINT), "while True:\n    pass")
    looping.get_by_role("button", name="Run", exact=True).click()
    expect(looping.get_by_role("status")).to_have_text("Running block 2 of 2 …")
    run(edit(lesson, X))
    expect(looping.get_by_role("status")).to_have_text("Ended, because another run has begun.")
    expect(looping.get_by_role("button", name="Stop")).to_be_hidden()


def test_a_block_that_shows_no_more_says_so(lesson: Page) -> None:
    run(write(edit(lesson, PRINT), "y = x"))
    assert [text.strip() for text in outputs(lesson)] == ["It shows nothing."]


def test_reset_brings_the_text_and_the_outputs_back(lesson: Page) -> None:
    before = lesson.locator(".md-content").inner_text()
    frame = write(edit(lesson, X), "x = 5")
    frame.get_by_role("button", name="Run", exact=True).click()
    frame.get_by_role("button", name="Run all below").click()
    expect(frame.get_by_role("status")).to_have_text(re.compile("Ran 7"))
    frame.get_by_role("button", name="Reset").click()
    expect(lesson.locator(".live-edit").first).to_be_focused()
    lesson.get_by_role("button", name="Undo").click()
    expect(frame.get_by_role("textbox")).to_have_value("x = 5")
    expect(lesson.get_by_text("Not run since you changed it.")).to_be_visible()
    frame.get_by_role("button", name="Reset").click()
    frame.get_by_role("button", name="Edit").click()
    frame.get_by_role("button", name="Reset").click()
    assert lesson.locator(".md-content").inner_text() == before


def test_an_exercise_is_wrong_and_then_right(lesson: Page) -> None:
    frame = write(edit(lesson, EXERCISE), "answer = 3\ncheck(answer)")
    run(frame)
    assert outputs(lesson) == ["Not yet: it is even."]
    write(frame, "answer = 4\ncheck(answer)")
    expect(run(frame)).to_contain_text("Right.")  # the status is what a screen reader says
    assert outputs(lesson) == ["Right."]


def test_edits_survive_a_reload_and_a_visit_to_another_page(lesson: Page) -> None:
    write(edit(lesson, PRINT), "x + 40")
    lesson.reload()
    frame = lesson.locator(".highlight", has=lesson.get_by_role("textbox"))
    expect(frame.get_by_role("textbox")).to_have_value("x + 40")
    expect(lesson.get_by_text("Not run since you changed it.")).to_be_visible()
    lesson.get_by_role("link", name="Home").first.click()
    expect(lesson.get_by_role("heading", name="Home")).to_be_visible()
    lesson.get_by_role("link", name="The lesson").click()
    run(frame)
    assert outputs(lesson) == ["42"]
    frame.get_by_role("button", name="Reset").click()
    lesson.reload()
    expect(lesson.locator(".live-edit").first).to_be_visible()
    expect(lesson.get_by_role("textbox", name="Code")).to_have_count(0)


def test_a_block_runs_as_the_reader_types_and_the_browser_remembers_that(lesson: Page) -> None:
    frame = edit(lesson, PRINT)
    expect(frame.get_by_label("Run as I type")).not_to_be_checked()
    frame.get_by_label("Run as I type").check()
    write(frame, "x + 1000")
    expect(lesson.locator(".live-yours")).to_have_text("1002")
    lesson.reload()
    expect(frame.get_by_label("Run as I type")).to_be_checked()
    other = edit(lesson, EXERCISE)
    other.get_by_label("Run as I type").uncheck()
    expect(frame.get_by_label("Run as I type")).not_to_be_checked()


def test_what_a_block_prints_can_be_scrolled_and_selected_while_it_runs(lesson: Page) -> None:
    code = "import time\nfor step in range(400):\n    print('step', step)\n    time.sleep(0.02)"
    frame = write(edit(lesson, PRINT), code)
    frame.get_by_role("button", name="Run", exact=True).click()
    box = lesson.locator(".live-yours")
    last = "box => box.scrollHeight - box.clientHeight - box.scrollTop < 5 && box.scrollTop > 100"
    lesson.wait_for_function(f"() => ({last})(document.querySelector('.live-yours') ?? document.body)")
    box.evaluate("box => box.scrollTop = 20")
    box.evaluate("box => getSelection().selectAllChildren(box.querySelector('samp'))")
    rows = box.inner_text().count("\n")
    lesson.wait_for_function(
        "rows => document.querySelector('.live-yours').innerText.split('\\n').length > rows + 20", arg=rows
    )
    assert box.evaluate("box => box.scrollTop") == 20
    assert "step 1\n" in lesson.evaluate("getSelection().toString()")
    frame.get_by_role("button", name="Stop").click()


def test_a_solution_of_the_reader_says_that_it_has_not_run_and_concerns_no_other_block(lesson: Page) -> None:
    lesson.get_by_text("Solution").click()
    solution = edit(lesson, SOLUTION)
    run(solution)
    frame = write(edit(lesson, X), "x = 3")
    expect(lesson.locator("details.success .live-note")).to_have_text(
        "Not run since a block above was changed."
    )
    solution.get_by_role("button", name="Reset").click()
    expect(lesson.locator("details.success .live-note")).to_have_count(1)
    frame.get_by_role("button", name="Reset").click()
    write(edit(lesson, SOLUTION), "x = 5")
    expect(lesson.get_by_text("Not run since a block above was changed.")).to_have_count(0)


def test_an_answer_stays_in_its_fold_though_its_editor_is_open(lesson: Page) -> None:
    edit(lesson, PREDICT)
    frame = write(edit(lesson, X), "x = 4")
    frame.get_by_role("button", name="Run all below").click()
    expect(frame.get_by_role("status")).to_have_text(re.compile("Ran 7"))
    expect(lesson.locator("details.lesson-predict .live-yours")).to_be_hidden()


def test_an_answer_that_the_reader_has_not_opened_stays_in_its_fold(lesson: Page) -> None:
    frame = write(edit(lesson, X), "x = 4")
    frame.get_by_role("button", name="Run", exact=True).click()
    frame.get_by_role("button", name="Run all below").click()
    expect(frame.get_by_role("status")).to_have_text(re.compile("Ran 7"))
    fold = lesson.locator("details.lesson-predict")
    answer = fold.locator(".live-yours")
    expect(answer).to_be_hidden()
    fold.locator("summary").click()
    expect(answer).to_have_text("5")
    expect(fold.get_by_text("It is one more.")).to_be_visible()
    expect(fold.locator(".lesson-output")).to_have_count(1)
    run(edit(lesson, PREDICT))
    expect(answer).to_have_count(0)
    expect(lesson.locator(".highlight:has(.live-bar) + .live-yours")).to_have_text("5")
    expect(fold.locator(".lesson-output")).to_have_text("3")


def test_edit_is_beside_copy(lesson: Page) -> None:
    names = [button.get_attribute("aria-label") for button in lesson.locator(".md-code__nav button").all()]
    assert names == ["Edit", "Copy"] * 6


def test_everything_is_reached_from_the_keyboard_and_left_again(lesson: Page) -> None:
    lesson.locator(".live-edit").nth(PRINT).focus()
    lesson.keyboard.press("Enter")
    lesson.keyboard.press("Control+a")
    lesson.keyboard.type("x + 5")
    lesson.keyboard.press("Control+Enter")
    expect(lesson.locator(".live-yours")).to_have_text("7")
    frame = lesson.locator(".highlight", has=lesson.get_by_role("textbox"))
    expect(frame.get_by_role("button", name="Stop")).to_be_hidden()
    lesson.keyboard.press("Escape")
    lesson.keyboard.press("Tab")
    expect(frame.get_by_role("button", name="Run", exact=True)).to_be_focused()
    lesson.keyboard.press("Tab")
    lesson.keyboard.press("Enter")
    expect(frame).to_have_count(0)
    expect(lesson.locator(".live-edit").nth(PRINT)).to_be_focused()


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (390, "dark")])
def test_an_open_editor_fits_the_page_and_axe_finds_nothing(lesson: Page, width: int, scheme: str) -> None:
    lesson.set_viewport_size({"width": width, "height": 900})
    lesson.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    run(write(edit(lesson, PRINT), "print('a long line ' * 20)\nundefined"))
    assert lesson.evaluate("document.documentElement.scrollWidth") <= width
    lesson.keyboard.press("Escape")
    lesson.wait_for_function(SETTLED)
    assert faults(lesson) == []


def test_without_javascript_the_page_is_as_before(browser: Browser, server: Server) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.address + "lesson/")
    expect(page.get_by_text("x is 2")).to_be_visible()
    assert page.get_by_role("button", name="Edit").count() == 0
    context.close()


def test_a_page_whose_lesson_has_changed_keeps_its_edits_when_the_server_reloads_it(
    lesson: Page, server: Server
) -> None:
    frame = write(edit(lesson, PRINT), "x + 7")
    server.lesson.write_text(LESSON.replace("x = 2", "x = 2 + 0"), encoding="utf-8")
    expect(lesson.locator(".highlight").first).to_contain_text("x = 2 + 0")
    run(frame)
    expect(lesson.locator(".live-yours")).to_have_text("9")
    server.lesson.write_text(LESSON, encoding="utf-8")
    expect(lesson.locator(".highlight").first).not_to_contain_text("x = 2 + 0")


def test_an_edit_of_a_block_that_its_author_has_changed_is_shown(lesson: Page, server: Server) -> None:
    write(edit(lesson, PRINT), "x + 7  # mine")
    server.lesson.write_text(LESSON.replace("x * 10", "x * 11").replace("20", "22"), encoding="utf-8")
    kept = lesson.locator("details.live-kept")
    expect(kept).to_have_text(re.compile("Your edit of a block that has changed since"))
    kept.locator("summary").click()
    expect(kept.locator("code")).to_have_text("x + 7  # mine")
    kept.get_by_role("button", name="Delete it").click()
    server.lesson.write_text(LESSON, encoding="utf-8")
    expect(lesson.locator(".highlight").nth(1)).to_contain_text("x * 10")
    expect(kept).to_have_count(0)
    expect(lesson.get_by_role("textbox", name="Code")).to_have_count(0)


# Last, because it ends its server.
def test_a_server_that_is_stopped_in_the_midst_of_a_run_leaves_nothing(lesson: Page, server: Server) -> None:
    frame = write(edit(lesson, PRINT), "while True:\n    pass")
    frame.get_by_role("button", name="Run", exact=True).click()
    expect(frame.get_by_role("status")).to_have_text("Running block 2 of 2 …")
    server.stop()
    expect(frame.get_by_role("status")).to_have_text(
        re.compile("^The server (has ended the run|does not answer)")
    )
    assert [path for path in server.directories.iterdir() if path.name.startswith("lesson-")] == []
    run(write(frame, "x"))
    expect(frame.get_by_role("status")).to_have_text("The server does not answer. Is it still running?")
