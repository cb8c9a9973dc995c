"""What counts as a failure, at which line, and how it reads."""

from pathlib import Path

import pytest
from lesson_helpers import PATH, block, failures, parse

from lessons_src.engine.failures import (
    Failure,
    check_block,
    check_lesson,
    shown_output,
    split_output,
    syntax_failures,
)
from lessons_src.engine.lesson import BlockRun, LessonRun
from lessons_src.engine.parsing import LessonSyntaxError

ACCEPT = f"    To store what is shown: .venv/bin/pytest --accept {PATH}"
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"


def check(text: str, run: BlockRun) -> list[Failure]:
    lesson = parse(text)
    return check_block(lesson, lesson.blocks[0], run)


def test_what_a_block_has_shown_before_it_raises_is_told() -> None:
    (failure,) = failures(block("print('before')\nboom"))
    assert failure.endswith("\nNameError: name 'boom' is not defined\nIt has shown before:\n    before")


def test_a_lesson_that_shows_what_it_stores_has_no_failures() -> None:
    assert failures(block("print(1)\n2", "1\n2"), block("x = 3"), block("x", "3")) == []


def test_a_lesson_without_blocks_has_no_failures() -> None:
    assert failures("# Title\n") == []


def test_another_output_is_a_failure_at_the_line_that_showed_it_with_a_diff() -> None:
    assert failures("# A\n\n", block("print(1)\nprint(2)\nprint(3)", "1\n0\n3")) == [
        (
            f"{PATH}:5: the output differs from the stored one\n"
            "    print(2)\n"
            "    --- stored\n"
            "    +++ shown\n"
            "     1\n"
            "    -0\n"
            "    +2\n"
            "     3\n"
            f"{ACCEPT}"
        )
    ]


def test_changes_far_apart_are_shown_with_a_gap_between_them() -> None:
    code = "for i in range(12):\n    print(i)"
    stored = "\n".join(str(i) for i in [9, *range(1, 11), 9])
    (failure,) = failures(block(code, stored))
    rows = ["-9", "+0", " 1", " 2", "…", " 9", " 10", "-9", "+11"]
    assert failure.endswith("+++ shown\n" + "\n".join("    " + row for row in rows) + "\n" + ACCEPT)


@pytest.mark.parametrize(
    ("shown", "told", "last"),
    [(38, 41, "+37"), (39, 41, "… and 2 more lines"), (15_000, 41, "… and 14,963 more lines")],
)
def test_of_a_long_difference_the_first_lines_are_told(shown: int, told: int, last: str) -> None:
    (failure,) = check(block("1", "-1"), BlockRun(shown="\n".join(map(str, range(shown)))))
    rows = failure.details.split("\n")
    assert rows[:4] == ["    --- stored", "    +++ shown", "    --1", "    +0"]
    assert (len(rows), rows[-1]) == (told, f"    {last}")


def test_of_a_long_output_that_a_hidden_block_prints_the_first_lines_are_told() -> None:
    (failure,) = check(block("1", None, "hidden"), BlockRun(shown="1\n" * 15_000))
    assert failure.details == "1\n" * 40 + "… and 14,961 more lines"


def test_a_difference_that_a_loop_showed_is_at_the_line_in_the_loop() -> None:
    (failure,) = failures(block("for i in range(3):\n    print(i)\nx = 1", "0\n1\n5"))
    assert failure.startswith(f"{PATH}:3: the output differs from the stored one\n    print(i)\n")


def test_a_difference_in_the_last_value_is_at_the_last_line() -> None:
    (failure,) = failures(block("print(1)\n2 + \\\n2", "1\n5"))
    assert failure.startswith(f"{PATH}:3: ")


def test_an_output_that_ends_too_soon_is_at_the_line_that_showed_the_rest() -> None:
    (failure,) = failures(block("print(1)\nx = 2\nprint(2)", "1"))
    assert failure.startswith(f"{PATH}:4: ")


def test_an_output_that_should_have_gone_on_is_at_the_last_line() -> None:
    (failure,) = failures(block("print(1)\nx = 2", "1\n2"))
    assert failure.startswith(f"{PATH}:3: the output differs from the stored one\n    x = 2\n")


def test_a_block_that_prints_and_stores_nothing_is_a_failure() -> None:
    (failure,) = failures(block("print(1)"))
    assert failure == (
        f"{PATH}:2: this block has an output, but no `text` fence after it stores one\n    print(1)\n"
        f"    --- stored\n    +++ shown\n    +1\n{ACCEPT}"
    )


def test_an_empty_output_fence_below_a_block_that_prints_is_a_failure() -> None:
    (failure,) = failures(block("print(1)", ""))
    assert failure.startswith(f"{PATH}:2: the output stored for this block is empty\n")


@pytest.mark.parametrize("stored", ["", "1"])
def test_an_output_below_a_block_that_shows_nothing_is_a_failure(stored: str) -> None:
    assert failures(block("x = 1", stored)) == [
        f"{PATH}:2: this block shows nothing; delete the output stored for it\n    x = 1\n{ACCEPT}"
    ]


def test_empty_lines_alone_cannot_be_stored() -> None:
    assert failures(block("print()\nprint()")) == [
        f"{PATH}:3: this block prints only empty lines, which no fence can store\n    print()"
    ]


def test_empty_lines_around_text_are_compared_like_any_other() -> None:
    assert failures(block("print('\\n1\\n')", "\n1\n")) == []
    assert len(failures(block("print('\\n1\\n')", "1"))) == 1


CHECK = "check = print\ncheck('{0}')"
STARTER = block(CHECK.format("Not yet: try."), "Not yet: try.", "exercise: ★ 5 min")


@pytest.mark.parametrize("indent", ["", "    "])
@pytest.mark.parametrize("stored", ["Not yet: no.", "Right."])
def test_a_solution_must_pass_its_check_and_cannot_be_accepted(stored: str, indent: str) -> None:
    solution = block(CHECK.format("3\\nNot yet: no."), f"3\n{stored}", indent=indent + "    ")
    fold = '!!! note\n\n    ??? success "Solution"\n\n' if indent else '??? success "Solution"\n\n'
    (failure,) = failures(STARTER, fold, solution)
    assert "the solution does not pass its check; correct the solution or the check\n" in failure
    assert "--accept" not in failure


def test_a_starter_must_not_pass_its_check() -> None:
    (failure,) = failures(block(CHECK.format("Right."), "Right.", "exercise: ★ 5 min"))
    assert failure == (
        f"{PATH}:4: the starter passes its check already; take the answer out of it\n    check('Right.')"
    )


def test_what_is_no_solution_of_an_exercise_may_say_not_yet() -> None:
    said, fold = "Not yet: no.", '??? success "Solution"\n\n    Text.\n\n'
    assert failures(STARTER, fold, block(CHECK.format(said), said)) == []
    assert failures(STARTER, '??? tip "Hint"\n\n', block(CHECK.format(said), said, indent="    ")) == []
    assert failures(fold, block(CHECK.format(said), said, indent="    ")) == []
    assert failures(STARTER, fold, block(CHECK.format("Right."), "Right.", indent="    ")) == []


def test_a_hidden_block_must_show_nothing() -> None:
    assert failures(block("x = 1", None, "hidden"), block("x", "1")) == []
    (failure,) = failures(block("print(1)", "1", "hidden"))
    assert failure == f"{PATH}:3: this block is hidden, so no page would show what it prints\n    print(1)\n1"


def test_an_expected_exception_is_compared_by_its_last_line() -> None:
    assert failures(block("print(1)\n1 / 0", "1\nZeroDivisionError: division by zero", "raises")) == []
    (failure,) = failures(block("print(1)\n1 / 0", "1\nZeroDivisionError", "raises"))
    assert failure.startswith(f"{PATH}:4: the output differs from the stored one\n    1 / 0\n")


def test_the_blocks_after_an_expected_exception_run() -> None:
    assert (
        failures(
            block("x = 1\nx.y", "AttributeError: 'int' object has no attribute 'y'", "raises"),
            block("x", "1"),
        )
        == []
    )


def test_an_exception_that_nobody_expects_is_a_failure_at_its_line_and_ends_the_lesson() -> None:
    lesson = block("def f():\n    1 / 0\n"), block("f()\nprint(1)", "1"), block("1", "2")
    assert failures(*lesson) == [
        f"{PATH}:3: this line raises\n    1 / 0\nZeroDivisionError: division by zero"
    ]


FIT = "import torch\nfrom lessons_src import fit_line\nx = torch.tensor([0.0, 1.0])\n"


def test_an_exception_names_the_line_of_the_project_that_it_comes_from() -> None:
    (failure,) = failures(block(f"{FIT}fit_line(x, x, lr='a')"))
    first, code, error = failure.split("\n")
    place = first.removeprefix(f"{PATH}:5: this line raises, at lessons_src/checks.py:")
    assert "raise" in Path("lessons_src/checks.py").read_text(encoding="utf-8").split("\n")[int(place) - 1]
    assert code == "    fit_line(x, x, lr='a')"
    assert error.startswith("TypeError: lr must be a number")


def test_an_exception_in_the_lesson_names_no_line_of_the_project_around_it() -> None:
    (failure,) = failures(
        block(f"class A(float):\n    def __gt__(self, other): 1 / 0\n{FIT}fit_line(x, x, lr=A())")
    )
    assert failure.startswith(f"{PATH}:3: this line raises\n    def __gt__")


def test_a_syntax_error_in_a_file_of_the_project_is_named_at_its_line() -> None:
    code = "import lessons_src\nraise SyntaxError('no', (lessons_src.__file__, 7, 1, ''))"
    (failure,) = failures(block(code))
    assert failure.startswith(f"{PATH}:3: this line raises, at lessons_src/__init__.py:7\n")


def test_an_exception_that_does_not_come_is_a_failure() -> None:
    (failure,) = failures(block("x = 1", None, "raises"))
    assert failure.startswith(f"{PATH}:3: this block is expected to raise and does not")


def test_a_syntax_error_is_a_failure_at_its_line() -> None:
    assert failures(block("x = 1\ny = await x")) == [
        f"{PATH}:3: this line raises\n    y = await x\nSyntaxError: 'await' outside function"
    ]
    assert failures(block("x = 1\ny =", "SyntaxError: invalid syntax", "raises")) == []


def test_what_is_written_past_standard_output_needs_a_directive_that_says_what_it_is() -> None:
    code = "import os\nos.system('echo a >&2; echo b')\nprint(1)"
    assert failures(block(code, "1", "noise: A test."), block("2", "2")) == []
    (failure, other) = failures(block(code, "1"), block("2", "3"))
    assert failure == (
        f"{PATH}:2: something wrote past sys.stdout, straight to the process's output: 'a'; print it "
        "instead, or say what it is, `<!-- noise: … -->`, and no page shows it\n    import os"
    )
    assert "the output differs" in other


def test_a_figure_needs_its_text() -> None:
    (failure,) = failures(block(FIGURE))
    assert failure.startswith(f"{PATH}:3: this block shows a figure without a text for it: describe it")
    (failure,) = failures(block(FIGURE, None, "hidden"))
    assert failure.startswith(f"{PATH}:4: this block shows a figure without a text for it")


def test_a_figure_that_is_promised_must_come_and_only_one() -> None:
    two = "for _ in range(2):\n    plt.figure()\n    plt.plot([1, 2]);"
    found = failures(
        block(FIGURE, None, "figure: A line."),
        block("x = 1", None, "figure: A line."),
        block(two, None, "figure: A line."),
    )
    assert [failure.split(": ", 1)[1].split("\n")[0] for failure in found] == [
        "this block must show one figure, not none; draw one or delete `figure`",
        "this block must show one figure, not 2; give each a block of its own",
    ]


def test_tolerance_and_ellipsis_hold_for_their_block_alone() -> None:
    assert failures(block("0.26", "0.25", "tolerance: 0.1"), block("'a b'", "'a ...'", "ellipsis")) == []
    assert len(failures(block("0.26", "0.25"), block("'a b'", "'a ...'"))) == 2


def test_memory_locations_may_be_stored_as_they_came() -> None:
    code = "class A: pass\na, b = A(), A()\nprint([object.__repr__(o) for o in (a, b, a)])"
    one, two = "'<__main__.A object at 0x7f0000000001>'", "'<__main__.A object at 0x7f0000000002>'"
    assert failures(block(code, f"[{one}, {two}, {one}]")) == []
    assert len(failures(block(code, f"[{one}, {two}, {two}]"))) == 1


def test_a_problem_is_named_at_the_line_it_came_from_or_at_the_first() -> None:
    text = block("x = 1\ny = 2")
    assert str(*check(text, BlockRun(problem="it broke", problem_line=3))) == f"{PATH}:3: it broke\n    y = 2"
    assert str(*check(text, BlockRun(problem="it broke"))) == f"{PATH}:2: it broke\n    x = 1"


def test_an_exception_without_a_line_is_named_at_the_last_line() -> None:
    (failure,) = check(block("x = 1\ny = 2"), BlockRun(error="KeyError"))
    assert failure.line == 3


def test_an_output_that_no_line_showed_is_named_at_the_last_line() -> None:
    (failure,) = check(block("x = 1\ny = 2"), BlockRun(shown="1"))
    assert failure.line == 3


def test_only_another_output_can_be_accepted() -> None:
    acceptable = [
        (block("1", "2"), BlockRun(shown="1")),
        (block("1"), BlockRun(shown="1")),
        (block("1", ""), BlockRun(shown="1")),
        (block("1", "1"), BlockRun()),
        (block("1", "KeyError", "raises"), BlockRun(error="KeyError: 1")),
    ]
    others = [
        (block("1"), BlockRun(error="KeyError")),
        (block("1", "1"), BlockRun(problem="killed")),
        (block("1", None, "raises"), BlockRun(shown="1")),
        (block("1", None, "hidden"), BlockRun(shown="1")),
        (block("1"), BlockRun(shown="\n")),
        (block("1"), BlockRun(figures=["<svg/>"])),
    ]
    for text, run in acceptable:
        assert [failure.can_accept for failure in check(text, run)] == [True]
    for text, run in others:
        assert [failure.can_accept for failure in check(text, run)] == [False]


def test_blocks_that_were_not_reached_and_blocks_that_are_not_run_are_no_failures() -> None:
    lesson = parse("<!-- display-only: x -->\n```python\n1\n```\n\n", block("1"), block("2"))
    found = check_lesson(lesson, LessonRun([BlockRun(error="KeyError: 1"), None]))
    assert [str(failure) for failure in found] == [f"{PATH}:7: this line raises\n    1\nKeyError: 1"]


def test_a_question_about_a_block_that_shows_nothing_is_a_failure() -> None:
    (failure,) = check(block("x = 1", None, "predict: What?"), BlockRun())
    assert failure.problem == (
        "this block shows nothing that a reader could predict; show it, or delete `predict`"
    )
    figure = block("x = 1", None, "predict: What?", "figure: A line.")
    assert check(figure, BlockRun(figures=["<svg/>"])) == []
    assert [found.can_accept for found in check(block("1", None, "predict: What?"), BlockRun(shown="1"))] == [
        True
    ]


def test_a_run_of_another_lesson_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        check_lesson(parse(block("1")), LessonRun([]))


def test_a_file_that_is_no_lesson_fails_with_each_of_its_problems() -> None:
    with pytest.raises(LessonSyntaxError) as caught:
        parse("```py\n```\n\n```\n```\n")
    assert "\n".join(map(str, syntax_failures(caught.value))) == str(caught.value)
    assert not any(failure.can_accept for failure in syntax_failures(caught.value))


@pytest.mark.parametrize(
    ("run", "output", "printed", "raised"),
    [
        (BlockRun(shown="1\n2"), "1\n2", "1\n2", ""),
        (BlockRun(shown="1", error="KeyError: 2"), "1\nKeyError: 2", "1", "KeyError: 2"),
        (BlockRun(error="KeyError: 2"), "KeyError: 2", "", "KeyError: 2"),
        (BlockRun(error="KeyError: a\nb"), "KeyError: a\nb", "", "KeyError: a\nb"),
        (BlockRun(shown="1\n", error="KeyError: a\nb"), "1\n\nKeyError: a\nb", "1\n", "KeyError: a\nb"),
        (BlockRun(), None, "", ""),
    ],
)
def test_an_output_is_split_into_what_was_printed_and_what_was_raised(
    run: BlockRun, output: str | None, printed: str, raised: str
) -> None:
    directives = ["raises"] if run.error else []
    (found,) = parse(block("1", output, *directives)).blocks
    assert split_output(found, run) == (printed, raised)
    assert shown_output(found, run) == (output or "")


def test_an_output_with_an_ellipsis_is_split_at_the_exception_though_it_has_other_lines() -> None:
    run = BlockRun(shown="1\n2\n3\n4", error="KeyError: 5")
    (found,) = parse(block("1", "1\n...\nKeyError: 5", "raises", "ellipsis")).blocks
    assert split_output(found, run) == ("1\n...", "KeyError: 5")
    (short,) = parse(block("1", "1\n...", "raises", "ellipsis")).blocks
    assert split_output(short, BlockRun(shown="1", error="KeyError: a\nb\nc")) == ("", "1\n...")
