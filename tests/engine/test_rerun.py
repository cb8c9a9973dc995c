"""A lesson runs with a reader's edits, and shows what each block does on the page."""

import json
import threading
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from textwrap import indent

import pytest
from bs4 import BeautifulSoup
from lesson_helpers import PATH, block, parse, run

from lessons_src.engine.lesson import Lesson
from lessons_src.engine.live.rerun import Ended, Rerun, digest, mark_blocks
from lessons_src.engine.page import render_results

SUM = parse(block("x = 1"), block("y = x + 1"), block("print(y)\ny", "2\n2"))
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"


def rerun(lesson: Lesson, edits: dict[int, str], last: int | None = None) -> list[Ended]:
    return list(Rerun(lesson, edits, len(lesson.blocks) - 1 if last is None else last))


def text(ended: Ended) -> str:
    """What a block's outputs say."""
    return BeautifulSoup(ended.html or "", "html.parser").text


def test_blocks_from_the_first_edit_on_are_shown_as_the_page_shows_them() -> None:
    ended = rerun(SUM, {1: "y = x + 41"})
    assert [each.html for each in ended[:2]] == [None, ""]
    lesson = parse(block("print(42)\n42", "42\n42"))
    assert [ended[2].html] == list(render_results(lesson, run(lesson)).values())


def test_a_run_goes_no_further_than_the_block_that_is_asked_for() -> None:
    assert [each.block for each in rerun(SUM, {}, last=1)] == [0, 1]
    assert [each.html for each in rerun(SUM, {}, last=1)] == [None, ""], "without an edit, it alone is shown"


def test_a_hidden_block_is_run_and_one_that_is_only_displayed_is_not() -> None:
    lesson = parse(block("x = 5", None, "hidden"), block("x = 7", None, "display-only: no."), block("x", "5"))
    assert [(each.block, each.html) for each in rerun(lesson, {})][:1] == [(0, None)]
    assert text(rerun(lesson, {})[-1]) == "5"


@pytest.mark.parametrize(
    ("edits", "last", "numbers"),
    [
        ({}, 1, "[1]"),
        ({}, 3, "[3]"),
        ({}, -1, "[-1]"),
        ({2: "1"}, 0, "[2]"),
        ({-1: "1", 1: "1"}, 0, "[-1, 1]"),
    ],
)
def test_a_number_of_no_block_that_is_run_is_refused(edits: dict[int, str], last: int, numbers: str) -> None:
    lesson = parse(block("1", "1"), block("2", None, "display-only: no."), block("3", "3"))
    with pytest.raises(ValueError, match="^blocks must be numbers of blocks that run") as error:
        Rerun(lesson, edits, last)
    assert str(error.value).endswith(f"not {numbers}")


def test_an_exception_is_shown_with_its_line_in_the_block_and_ends_the_run() -> None:
    ended = rerun(SUM, {1: "\n\nundefined + 1"})
    assert len(ended) == 2
    assert (ended[1].failed, ended[1].error_block, ended[1].error_line) == (True, 1, 3)
    assert text(ended[1]) == "NameError: name 'undefined' is not defined\n(in line 3 of this block)"


def test_an_exception_in_a_function_of_a_block_above_names_that_block() -> None:
    lesson = parse(block("import math\ndef root(x):\n    return math.sqrt(x)"), block("root(4.0)", "2.0"))
    (_, ended) = rerun(lesson, {1: "x = -4.0\nroot(x)"})
    assert (ended.error_block, ended.error_line, ended.called_line) == (0, 3, 2)
    assert text(ended) == (
        "ValueError: math domain error\n(in line 3 of a block above, called in line 2 of this block)"
    )


def test_an_exception_in_this_project_names_its_line_too() -> None:
    lesson = parse(block("import torch\nfrom lessons_src import fit_line"))
    (ended,) = rerun(lesson, {0: lesson.blocks[0].code + "fit_line(torch.zeros(3), torch.zeros(2))"})
    assert "(in line 3 of this block, at lessons_src/checks.py:" in text(ended)


def test_an_expected_exception_is_shown_and_the_run_goes_on() -> None:
    lesson = parse(block("1 / 0", "ZeroDivisionError: division by zero", "raises"), block("1", "1"))
    first, second = rerun(lesson, {0: "print('a')\n2 % 0"})
    assert (first.failed, second.failed) == (False, False)
    assert BeautifulSoup(first.html or "", "html.parser").select(".lesson-error")[0].text == (
        "ZeroDivisionError: integer modulo by zero\n(in line 2 of this block)"
    )
    assert [each.failed for each in rerun(lesson, {0: "'no exception'"})] == [False, False]
    assert [each.failed for each in rerun(lesson, {0: "[][0]"})] == [True], "not the one of the page"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('50%\\r100%')", "50%\r100%The block shows '\\r', which a page cannot"),
        (
            "import threading as t, time\nt.Thread(target=time.sleep, args=(9,)).start()",
            "The block leaves the",
        ),
    ],
)
def test_what_a_page_may_not_show_is_no_error_of_a_reader(code: str, words: str) -> None:
    first, second = rerun(parse(block("1", "1"), block("2", "2")), {0: code})
    assert words in text(first)
    assert (first.failed, second.failed, text(second)) == (False, False, "2")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("while True: pass", "the lesson was stopped: it took longer than 1 s"),
        (
            "import os\nos.abort()",
            "the lesson's process was ended by signal 6 (Aborted) while this block ran",
        ),
        (
            "while True: print('x' * 1000)",
            "the block shows more than 100,000 characters\n(in line 1 of this block)",
        ),
        ("input('How? ')", "EOFError: nobody can answer here; write the answer into the code, in place of"),
        ("1 +", "SyntaxError: invalid syntax\n(in line 1 of this block)"),
        ("import sys\nsys.exit(3)", "SystemExit: 3\n(in line 2 of this block)"),
        ("", ""),
    ],
)
def test_whatever_a_block_does_is_said_in_words(code: str, words: str) -> None:
    (ended,) = rerun(replace(parse(block("1", "1")), time_limit=1), {0: code})
    assert ended.failed is bool(words)
    assert words in text(ended)


def test_each_figure_is_shown_and_not_described_by_the_lessons_own_words() -> None:
    lesson = parse(block(FIGURE, None, "figure: A rising line."))
    code = FIGURE + "\nplt.show()\n" + FIGURE
    (ended,) = rerun(lesson, {0: code})
    page = BeautifulSoup(ended.html or "", "html.parser")
    assert [caption.text for caption in page.select("figcaption")] == ["Your figure"] * 2
    assert "rising" not in (ended.html or "")
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids)) > 0
    assert not rerun(lesson, {0: "print('no figure')"})[0].failed


def test_a_picture_above_the_first_edit_is_not_drawn() -> None:
    drawing = "drawn = []\nclass Drawing:\n    def _repr_svg_(self): drawn.append(1); return '<svg/>'"
    lesson = parse(block(drawing), block("Drawing()", None, "figure: A."), block("len(drawn)", "1"))
    assert [text(each) for each in rerun(lesson, {2: "len(drawn)\n"})[2:]] == ["0"]
    assert [text(each) for each in rerun(lesson, {0: drawing + "\n"})[2:]] == ["1"]


def test_a_figure_above_the_first_edit_can_be_shown_again_and_not_drawn_in_for_nothing() -> None:
    code = "import matplotlib.pyplot as plt\nfig, axes = plt.subplots()\naxes.plot([1, 2]);"
    lesson = parse(block(code, None, "figure: A line."), block("x = 1"))
    assert "<svg" in (rerun(lesson, {1: "fig"})[1].html or "")
    assert rerun(lesson, {1: "x = 2"})[1].html == ""
    assert "an earlier block has shown" in text(rerun(lesson, {1: "axes.plot([2, 1]);"})[1])


def test_a_figure_that_no_page_shows_is_refused_in_words() -> None:
    (ended,) = rerun(
        parse(block("1", "1")), {0: "from IPython.display import SVG\nSVG('<svg onload=\"a()\"/>')"}
    )
    assert "The figure must be a picture only, not one with the event handler `onload`" in text(ended)
    assert "<svg" not in (ended.html or "")


def test_the_check_of_an_exercise_answers_what_the_reader_wrote() -> None:
    lesson = parse(
        block("def check(x):\n    print('Right.' if x == 2 else f'Not yet: {x}.')", None, "hidden"),
        block("check(1)", "Not yet: 1.", "exercise: ★ 5 min"),
    )
    right, wrong = [rerun(lesson, {1: f"check({x})"})[1] for x in (2, 3)]
    assert (text(right), text(wrong)) == ("Right.", "Not yet: 3.")
    assert "lesson-said" in (right.html or "")
    assert "lesson-said" in (wrong.html or "")


def test_what_goes_past_standard_output_is_not_lost_without_a_word() -> None:
    (ended,) = rerun(parse(block("1", "1")), {0: "import os\nos.system('echo hello')"})
    assert not ended.failed
    assert text(ended) == "0A page does not show what C code or a subprocess writes: 'hello'"


def test_what_a_block_has_printed_until_now_can_be_asked_for_while_it_runs(tmp_path: Path) -> None:
    go = tmp_path / "go"
    waiting = f"import os, time\nprint('now')\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.01)"
    again = Rerun(parse(block("print('above')", "above"), block("1", "1")), {1: waiting}, 1)
    assert again.so_far() is None
    seen: list[tuple[int, str] | None] = []

    def look() -> None:
        while (so_far := again.so_far()) is None:
            pass
        seen.append(so_far)
        go.touch()

    thread = threading.Thread(target=look)
    thread.start()
    assert [text(each) for each in again] == ["", "now"]
    thread.join()
    assert seen == [(1, '<div class="lesson-output"><pre><samp>now</samp></pre></div>')]
    assert again.so_far() is None


@pytest.mark.parametrize("last", ["import os\nos.abort()", "while True: pass"])
def test_what_a_block_prints_before_its_process_ends_is_shown(last: str) -> None:
    lesson = replace(parse(block("print('above')", "above"), block("1", "1")), time_limit=1)
    ended = rerun(lesson, {1: f"print('before')\n{last}"})[1]
    assert ended.failed
    assert text(ended).startswith("beforethe lesson")


def test_a_run_can_be_stopped_from_another_thread() -> None:
    again = Rerun(parse(block("1", "1"), block("while True: pass")), {}, 1)
    seen: list[Ended | None] = []

    def follow() -> None:
        with pytest.raises(CancelledError):
            seen.extend(again)
        seen.append(None)

    thread = threading.Thread(target=follow)
    thread.start()
    again.stop()
    thread.join(20)
    assert seen[-1] is None


def test_a_digest_changes_with_the_blocks_and_not_with_the_prose() -> None:
    assert digest(SUM) == digest(parse("Prose.\n\n", *[block(each.code) for each in SUM.blocks]))
    assert digest(SUM) != digest(parse(*[block(each.code) for each in SUM.blocks[:2]]))


def test_each_block_that_is_run_is_marked_on_the_page() -> None:
    lesson = parse(
        block("x = 1"),
        block("0", None, "display-only: no."),
        block(FIGURE, None, "hidden", "figure: A line."),
        block("y = 1", None, "hidden"),
    )
    marked = list(mark_blocks(lesson, render_results(lesson, run(lesson))).values())
    where = {"lesson": PATH, "digest": digest(lesson)}
    assert marked[0] == f"<!-- live block {json.dumps({**where, 'block': 0})} --><!-- /live -->"
    assert marked[1].startswith('<div class="lesson-display-only">')
    assert marked[2].startswith(f"<!-- live figure {json.dumps({**where, 'block': 2})} --><figure")
    assert len(marked) == 3


def test_a_solution_is_no_part_of_a_run_of_what_comes_after_it() -> None:
    fold = '??? success "Solution"\n\n' + indent(block("answer = 1") + block("answer + y", "3"), "    ")
    lesson = parse(block("y = 2"), fold, block("answer = 7\nanswer", "7"), fold, block("answer", "7"))
    assert [each.block for each in rerun(lesson, {}, last=3)] == [0, 3]
    assert [each.block for each in rerun(lesson, {2: "y"}, last=6)] == [0, 3, 6], "nor if it is edited"
    ended = rerun(lesson, {0: "y = 20"}, last=2)
    assert [(each.block, text(each)) for each in ended] == [(0, ""), (1, ""), (2, "21")], "but of its own"
