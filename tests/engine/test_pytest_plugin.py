"""pytest runs each block of a lesson as a test of its own; `--accept` stores what blocks show."""

from pathlib import Path

import pytest
from lesson_helpers import block

pytest_plugins = ["pytester"]

CONFIGURATION = """
[tool.pytest]
strict = true
addopts = ["-p", "lessons_src.engine.pytest_plugin", "-p", "no:doctest", "-p", "no:cacheprovider"]
"""


class Project:
    """A project in a folder of its own, with a lesson in it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.root = pytester.path
        (self.root / "pyproject.toml").write_text(CONFIGURATION)
        (self.root / "docs" / "lessons").mkdir(parents=True)
        self.lesson = self.root / "docs" / "lessons" / "x.md"

    def write(self, *pieces: str, file: Path | None = None) -> bytes:
        data = "".join(pieces).encode()
        (file or self.lesson).write_bytes(data)
        return data

    def run(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess(*(arguments or ("docs",)))


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    return Project(pytester)


# Collecting and running


def test_each_block_that_is_run_is_a_test(project: Project) -> None:
    text = block("x = 1"), block("download()", None, "display-only: no network"), block("x", "1")
    project.write("# A\r\n\n", *text)
    project.write("# Readme\n\n", block("2", "2"), file=project.root / "README.md")
    result = project.run(".")
    result.assert_outcomes(passed=3)


def test_tests_of_lessons_can_be_chosen_and_left_out(project: Project) -> None:
    project.write(block("1", "1"))
    project.run("-m", "lesson").assert_outcomes(passed=1)
    project.run("-m", "not lesson").assert_outcomes(deselected=1)


def test_a_block_with_a_title_is_a_test(project: Project) -> None:
    project.write(block("1", "1").replace("```python", '```python title="one.py" hl_lines="1"', 1))
    project.run().assert_outcomes(passed=1)


def test_only_documentation_is_collected(project: Project) -> None:
    (project.root / "notes").mkdir()
    for file in ("notes/x.md", "docs/x.txt"):
        project.write(block("1", "2"), file=project.root / file)
    project.write(block("1", "1"))
    project.run(".").assert_outcomes(passed=1)


def test_a_lesson_outside_the_project_is_not_collected(project: Project) -> None:
    elsewhere = project.root.parent / "elsewhere"
    elsewhere.mkdir()
    project.write(block("1", "2"), file=elsewhere / "x.md")
    assert "no tests ran" in project.run("-c", "pyproject.toml", str(elsewhere)).stdout.str()


def test_docstrings_of_the_teaching_package_are_tests(project: Project) -> None:
    (project.root / "lessons_src").mkdir()
    module = project.root / "lessons_src" / "module.py"
    module.write_text('def f():\n    """\n    >>> 1 + 1\n    2\n    >>> 2 + 2\n    5\n    """\n')
    project.pytester.syspathinsert(module.parent)
    (project.root / "other.py").write_text('"""\n>>> 1\n2\n"""\n')
    project.run(".").assert_outcomes(passed=1, failed=1)


def test_a_lesson_is_run_once_and_its_blocks_share_a_namespace(project: Project) -> None:
    count = project.root / "count"
    project.write(block(f"n = open({str(count)!r}, 'a').write('.')"), block("n", "1"), block("n", "1"))
    project.run().assert_outcomes(passed=3)
    assert count.read_text() == "."


def test_one_block_can_be_chosen_and_the_blocks_before_it_run(project: Project) -> None:
    project.write(block("x = 1"), block("x", "1"))
    project.run("docs/lessons/x.md::line:5,column:1").assert_outcomes(passed=1)


def test_a_failure_reads_as_it_does_everywhere(project: Project) -> None:
    project.write("# A\n\n", block("print(1)\nprint(2)", "1\n3"), block("1 / 0"), block("4", "4"))
    result = project.run()
    result.assert_outcomes(failed=3)
    output = result.stdout.str()
    assert (
        "docs/lessons/x.md:5: the output differs from the stored one\n    print(2)\n"
        "    --- stored\n    +++ shown\n     1\n    -3\n    +2\n"
    ) in output
    assert (
        "docs/lessons/x.md:14: this line raises\n    1 / 0\nZeroDivisionError: division by zero\n" in output
    )
    assert "docs/lessons/x.md:18: not run, because of line 14\n" in output
    assert "Traceback" not in output


def test_a_file_that_is_no_lesson_is_an_error_with_its_lines(project: Project) -> None:
    project.write("```py\n1\n```\n\n<!-- hiden -->\n", block("1", "1"))
    (project.root / "docs" / "latin.md").write_bytes(b"# A\n\xff\n")
    result = project.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    output = result.stdout.str()
    assert "\ndocs/lessons/x.md:1: `py` looks like Python" in output
    assert "\ndocs/lessons/x.md:5: unknown directive `hiden`; did you mean `hidden`?" in output
    assert "\ndocs/latin.md:2: this is not UTF-8" in output
    assert "Traceback" not in output
    assert "parsing.py" not in output


def test_a_block_that_a_page_would_not_show_as_a_fence_is_an_error(project: Project) -> None:
    project.write("# A\n\n1) One\n\n", block("x = 1", indent="    "), block("1", "1"))
    result = project.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    words = "\ndocs/lessons/x.md:6: Markdown does not show this block as a fence; indent it by 4"
    assert words in result.stdout.str()


@pytest.mark.parametrize("container", ["!!! note", "??? note", '=== "Tab"', "- item", "1. item"])
def test_a_block_may_be_in_any_container_of_a_page(project: Project, container: str) -> None:
    project.write(f"# A\n\n{container}\n\n", block("1", "1", indent="    "))
    project.run().assert_outcomes(passed=1)


# Accepting


def test_without_accept_nothing_is_written(project: Project) -> None:
    before = project.write(block("1", "2"))
    result = project.run()
    result.assert_outcomes(failed=1)
    assert project.lesson.read_bytes() == before
    assert "accepted outputs" not in result.stdout.str()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_accept_stores_what_differs_and_touches_nothing_else(
    project: Project, newline: str, start: str
) -> None:
    def text(one: str, two: str | None, three: str | None) -> bytes:
        pieces = [
            "---\ntitle: x\n---\n# A \t\n\n",
            block("1", one),
            "- item\n\n",
            block("print(1)\n2", two, indent="    "),
            block("x = 1", three),
            block("'same'", "'same'"),
            "end",
        ]
        return (start + "".join(pieces).replace("\n", newline)).encode()

    project.lesson.write_bytes(text("5", None, "6"))
    result = project.run("docs", "--accept")
    result.assert_outcomes(passed=4)
    assert project.lesson.read_bytes() == text("1", "1\n2", None)
    assert "docs/lessons/x.md: stored new outputs of the blocks at 7, 17, 22" in result.stdout.str()


def test_accepting_again_changes_nothing_and_says_so(project: Project) -> None:
    project.write(block("print('a ``` b')\nobject()", "1"), block("0.25", "0.3"))
    project.run("docs", "--accept").assert_outcomes(passed=2)
    after = project.lesson.read_bytes()
    result = project.run("docs", "--accept")
    result.assert_outcomes(passed=2)
    assert "nothing to change" in result.stdout.str()
    assert project.lesson.read_bytes() == after
    project.run().assert_outcomes(passed=2)


def test_accept_leaves_outputs_that_match_with_an_ellipsis_a_tolerance_or_other_locations(
    project: Project,
) -> None:
    before = project.write(
        block("'a b'", "'a ...'", "ellipsis"),
        block("print(object())\nprint('took', 3)", "<object object at 0x7f0000000000>\ntook ...", "ellipsis"),
        block("0.26", "0.25", "tolerance: 0.1"),
        block("object.__new__(object)", "<object at 0x7fff00000000>"),
        block("1", "2"),
    )
    project.run("docs", "--accept").assert_outcomes(passed=5)
    assert project.lesson.read_bytes() == before.replace(b"\n2\n", b"\n1\n")


def test_accept_keeps_the_dots_of_lines_that_match_and_says_where_it_cannot(project: Project) -> None:
    project.write(
        block("print('x is 1')\nprint('time', 3.4)", "x is 2\ntime ...", "ellipsis"),
        block("print('step 2 took 3.4')\nprint('all took 3.5')", "step 1 took ...\nall took ...", "ellipsis"),
    )
    output = project.run("docs", "--accept").stdout.str()
    assert "```text\nx is 1\ntime ...\n```" in project.lesson.read_text()
    assert "docs/lessons/x.md: the output at 14 has lost a `...`; put it back\n" in output


def test_a_formula_that_is_not_latex_is_a_failure(project: Project) -> None:
    project.write("$a^2$ and\n\n$\\frac{1}{$\n\n", block("1", "1"))
    result = project.run("docs")
    result.assert_outcomes(errors=1)
    assert (
        "docs/lessons/x.md:3: the formula $\\frac{1}{$ is not LaTeX: is a bracket or" in result.stdout.str()
    )


def test_accept_stores_no_exception_that_nobody_expects(project: Project) -> None:
    before = project.write(block("1", "2"), block("1 / 0", "3"), block("4", "5"))
    result = project.run("docs", "--accept")
    result.assert_outcomes(passed=1, failed=2)
    assert project.lesson.read_bytes() == before.replace(b"\n2\n", b"\n1\n")
    assert "docs/lessons/x.md:10: this line raises" in result.stdout.str()


def test_accept_stores_the_last_line_of_an_exception_that_is_expected(project: Project) -> None:
    project.write(block("print(1)\n1 / 0", None, "raises"))
    project.run("docs", "--accept").assert_outcomes(passed=1)
    expected = block("print(1)\n1 / 0", "1\nZeroDivisionError: division by zero", "raises")
    assert project.lesson.read_text() == expected.removesuffix("\n") + "\n"


def test_accept_says_that_a_set_of_strings_has_another_order_elsewhere(project: Project) -> None:
    project.write(block("{'a': 1, 'b': 2}, {1, 2}, {'a'}"), block("{'weight', 'bias'}"))
    output = project.run("docs", "--accept").stdout.str()
    assert (
        "docs/lessons/x.md: in a reader's own Python, the set printed at 6 has another order; "
        "print it sorted\n"
    ) in output


def test_a_file_that_is_no_lesson_keeps_no_other_from_being_accepted(project: Project) -> None:
    bad = project.root / "docs" / "bad.md"
    before = project.write("```py\n```\n", file=bad)
    project.write(block("1", "2"))
    result = project.run("docs", "--accept")
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "docs/bad.md:1: `py` looks like Python" in result.stdout.str()
    assert (bad.read_bytes(), project.lesson.read_text()) == (before, block("1", "1"))


def test_accept_writes_only_the_lessons_that_were_chosen(project: Project) -> None:
    other = project.root / "docs" / "other.md"
    before = project.write(block("1", "2"), file=other)
    project.write(block("1", "2"))
    project.run("docs/lessons", "--accept").assert_outcomes(passed=1)
    assert other.read_bytes() == before
    assert project.lesson.read_text() == block("1", "1")


LESSON = block("import shutil\nshutil.move('edited', 'docs/lessons/x.md');") + block("1", "2")


@pytest.mark.parametrize(
    "edited",
    [
        "# A new title\n" + LESSON,
        LESSON.replace("```python\n1\n", "```python\n3\n"),
        "```py\n```\n",
        "\udcff",
    ],
)
def test_a_lesson_that_is_edited_while_it_runs_is_not_written_to(project: Project, edited: str) -> None:
    new, other = project.root / "edited", project.root / "docs" / "other.md"
    data = edited.encode(errors="surrogateescape")
    new.write_bytes(data)
    project.write(
        LESSON.replace("'edited'", repr(str(new))).replace("'docs/lessons/x.md'", repr(str(project.lesson)))
    )
    project.write(block("1", "2"), file=other)
    result = project.run("docs", "--accept")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    words = "docs/lessons/x.md was edited while it ran; nothing was written to it. Run --accept again"
    assert words in result.stdout.str()
    assert project.lesson.read_bytes() == data
    assert other.read_text() == block("1", "1")


def test_a_lesson_that_is_deleted_while_it_runs_stays_deleted(project: Project) -> None:
    project.write(block(f"import os\nos.remove({str(project.lesson)!r})"), block("1", "2"))
    assert project.run("docs", "--accept").ret == pytest.ExitCode.TESTS_FAILED
    assert not project.lesson.exists()
