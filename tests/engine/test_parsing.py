"""What is a block, what is an output, and what would be passed over in silence and so is an error."""

import random
import warnings
from pathlib import Path
from typing import Literal

import pytest
from lesson_helpers import block, parse, problems

from lessons_src.engine.accepting import accept_outputs
from lessons_src.engine.lesson import Directives, Span, Tolerance
from lessons_src.engine.parsing import LessonSyntaxError, parse_lesson, read_lesson


def test_a_block_knows_its_lines_directives_and_output() -> None:
    lesson = parse("# Title\n\n", block("x = 1\nx", "1", "tolerance: 1", "predict: What\nis x?"))
    (found,) = lesson.blocks
    assert found.code == "x = 1\nx\n"
    assert (found.line, found.last_line) == (7, 8)
    assert (found.span, found.fence) == (Span(2, 9), Span(5, 9))
    assert found.directives == Directives(tolerance=Tolerance(1), predict="What is x?")
    assert found.output is not None
    assert (found.output.text, found.output.line, found.output.fence) == ("1", 12, Span(10, 13))
    assert found.is_run


@pytest.mark.parametrize(
    "row", ["time-limit: 120", "time_limit:  120 # seconds", "Time-Limit : 120", 'time-limit: "120"']
)
def test_a_lesson_may_ask_for_more_time(row: str) -> None:
    assert parse(f"---\ntitle: x\n{row}\n---\n").time_limit == 120
    assert parse("---\ntitle: time-limit\n---\n", "time-limit: 120\n").time_limit == 60


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("description: Each decided: true.", "mapping values are not allowed here. Put quotes around a text"),
        ("description: 'it's'", "expected <block end>, but found '<scalar>'. Put quotes around"),
        ("description: *x", "found undefined alias 'x'. Put quotes around"),
    ],
)
def test_front_matter_that_is_no_yaml_is_refused(row: str, why: str) -> None:
    ((line, message),) = problems(f"---\ntitle: x\n{row}\n---\n")
    assert line == 3
    assert message.startswith(f"MkDocs would show this front matter as text, because it is not YAML: {why}")


def test_front_matter_that_has_no_names_is_refused() -> None:
    ((line, message),) = problems("---\ntime-limit:120\n---\n")
    assert (line, message[-50:]) == (2, "not YAML: it must have lines such as `title: Loss`")


@pytest.mark.parametrize("row", ['title: "a: b"', "title: 9:30", "title: x  # a: b", "title: {a: b}"])
def test_front_matter_may_have_a_colon_where_yaml_allows_it(row: str) -> None:
    assert problems(f"---\n{row}\n---\n" + block("a: int = 1")) == []


def test_an_output_may_stand_right_below_its_block_or_after_a_blank_line() -> None:
    for between in ("", "\n", "  \n\n"):
        lesson = parse("```python\n1\n```\n", between, "```text\n1\n```\n")
        assert lesson.blocks[0].output is not None


def test_a_block_need_not_have_an_output() -> None:
    assert [found.output for found in parse(block("x = 1"), "Then:\n\n", block("y = 2")).blocks] == [
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("container", "indent"),
    [
        ("!!! note\n\n", "    "),
        ('??? success "Solution"\n\n', "    "),
        ('=== "Tab"\n\n', "    "),
        ("- item\n\n", "    "),
        ("1. item\n\n    - nested\n\n", "        "),
    ],
)
def test_fences_may_stand_in_admonitions_tabs_and_lists(container: str, indent: str) -> None:
    (found,) = parse(
        container, block("if True:\n\n    print(1)", "1", "predict: What?", indent=indent)
    ).blocks
    assert found.code == "if True:\n\n    print(1)\n"
    assert found.indent == indent
    assert found.directives.predict == "What?"
    assert found.output is not None
    assert found.output.text == "1"


def test_an_output_keeps_its_own_indentation_and_its_empty_lines() -> None:
    (found,) = parse("- item\n\n", block("show()", "    a\n\n  b\n", indent="    ")).blocks
    assert found.output is not None
    assert found.output.text == "    a\n\n  b\n"


@pytest.mark.parametrize("options", ['title="x"', 'hl_lines="1-2 3"', 'linenums="1"  title="a b"'])
def test_a_block_with_options_for_the_page_is_run(options: str) -> None:
    (found,) = parse(block("x = 1\nx", "1").replace("python", f"python {options}")).blocks
    assert (found.is_run, found.code, found.output is not None) == (True, "x = 1\nx\n", True)


def test_a_block_that_is_not_run_may_hold_what_is_not_python() -> None:
    for info in ("python", "py", 'python title="x"'):
        (found,) = parse(f"<!-- display-only: a sketch -->\n```{info}\nfor each x: …\n```\n").blocks
        assert not found.is_run


def test_a_block_that_is_expected_to_raise_may_hold_a_syntax_error() -> None:
    assert parse(block("1 +", "SyntaxError: invalid syntax", "raises")).blocks


def test_other_fences_are_left_alone() -> None:
    for info in ('console title="x" hl_lines="1"', "c++", "{.yaml #x}", "json {.x}"):
        assert parse(f"```{info}\n1\n```\n").blocks == ()
    text = "```console\n$ ls\n```\n\n~~~markdown\n```python\n1\n```\n~~~\n\n"
    assert parse(text, "A `` ```python `` and ```code``` inline.\n").blocks == ()


def test_a_directive_that_is_commented_out_is_none_and_may_stand_between_others() -> None:
    (found,) = parse(
        "<!-- # raises -->\n\n", block("1", "1", "predict: What?", "# hidden", "tolerance: 1")
    ).blocks
    assert found.directives == Directives(predict="What?", tolerance=Tolerance(absolute=1))
    assert found.span.start == 2


def test_a_comment_that_is_no_directive_may_stand_anywhere_but_above_a_block() -> None:
    assert parse("<!-- TODO: a picture -->\n\n", block("x = 1"), "Text <!-- more --> text.\n").blocks


def test_what_is_python_does_not_depend_on_the_filters_of_warnings() -> None:
    actions: list[Literal["ignore", "error"]] = ["ignore", "error"]
    for action in actions:
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            assert [line for line, _ in problems('```python\n"\\d"\n```\n')] == [2]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_make_no_difference_to_a_block(newline: str) -> None:
    text = "---\ntitle: x\n---\n" + block("x = 1\nx", "1\n2", "hidden")
    (found,) = parse(text.replace("\n", newline)).blocks
    assert (found.code, found.line, found.directives.hidden) == ("x = 1\nx\n", 6, True)
    assert found.output is not None
    assert found.output.text == "1\n2"


@pytest.mark.parametrize("start", ["", "---\na: b\n---\n", "<!-- hidden -->\n"])
def test_a_byte_order_mark_makes_no_difference(start: str) -> None:
    marked, plain = parse("\ufeff", start, block("x = 1")), parse(start, block("x = 1"))
    assert marked.blocks == plain.blocks
    assert marked.text.startswith("\ufeff")
    assert marked.line(1) == plain.line(1)


def test_a_file_need_not_end_in_a_newline() -> None:
    (found,) = parse(block("1", "1").rstrip("\n")).blocks
    assert found.output is not None


def test_an_empty_file_is_a_lesson_without_blocks() -> None:
    lesson = parse("")
    assert (lesson.blocks, lesson.text, lesson.line(1)) == ((), "", "")


@pytest.mark.parametrize(
    ("line", "words", "text"),
    [
        # Languages
        (1, "`py` looks like Python", "```py\n1\n```\n"),
        (1, "`Python` looks like Python", "```Python\n1\n```\n"),
        (1, "looks like Python", "```python title=x\n1\n```\n"),
        (1, "looks like Python", '```python id="x"\n1\n```\n'),
        (1, "`pycon` looks like Python", "```pycon\n>>> 1\n```\n"),
        (1, "`pyhton` looks like Python", "```pyhton\n1\n```\n"),
        (1, "`python3` looks like Python", "```python3\n1\n```\n"),
        (1, "looks like Python", "``` { .python }\n1\n```\n"),
        (1, "looks like Python", "~~~ipython\n1\n~~~\n"),
        (1, "a fence must have a language", "```\n1\n```\n"),
        (1, "`txt` looks like an output", "```txt\n1\n```\n"),
        (1, "`output` looks like an output", "```output\n1\n```\n"),
        (1, "`Text` looks like an output", "```Text\n1\n```\n"),
        (1, "`lesson-results` must come from the build", "```lesson-results\ndocs/lesson.md:3\n```\n"),
        (1, "`lesson-results` must come from the build", "```{.lesson-results}\ndocs/lesson.md:3\n```\n"),
        (
            1,
            "`lesson-results` must come from the build",
            '~~~ lesson-results title="x"\ndocs/lesson.md:3\n~~~\n',
        ),
        (1, "`{code-cell} ipython3` looks like Python", "```{code-cell} ipython3\n1\n```\n"),
        (1, "`{jupyter-execute}` looks like Python", "```{jupyter-execute}\n1\n```\n"),
        (1, "a page would not show a fence `console $ ls`", "```console $ ls\n```\n"),
        (1, "a page would not show a fence `{note} Title`", "```{note} Title\n```\n"),
        (1, "a page would not show a fence `yaml hl_lines=1`", "```yaml hl_lines=1\n```\n"),
        (2, "a page would not show a fence `python x`", "<!-- display-only: x -->\n```python x\n1\n```\n"),
        # Outputs
        (1, "this output follows no block: move it directly below", "```text\n1\n```\n"),
        (7, "this output follows no block", "```python\n1\n```\n\nText\n\n```text\n1\n```\n"),
        (9, "this output follows no block", block("1", "1") + "```text\n1\n```\n"),
        (6, "the block above is not run", "<!-- display-only: x -->\n```python\n1\n```\n\n```text\n1\n```\n"),
        (
            7,
            "indent this output like the block above it",
            "- item\n\n    ```python\n    1\n    ```\n\n```text\n1\n```\n",
        ),
        # Code
        (1, "this block holds no code", "```python\n\n```\n"),
        (3, "this block is not Python: invalid syntax", "```python\nx = 1\nx y\n```\n"),
        (2, "this block is not Python: invalid syntax", "```python\n%matplotlib inline\n```\n"),
        (3, "not Python: invalid escape sequence '\\d'", '```python\nx = 1\nprint("\\d")\n```\n'),
        (3, "a page would show this tab as spaces", "```python\nif 1:\n\tprint()\n```\n"),
        # Time
        (2, "`time-limit` must be a number of seconds, such as 120, not `2m`", "---\ntime-limit: 2m\n---\n"),
        (2, "`time-limit` must be a number of seconds", "---\ntime-limit:\n---\n"),
        (2, "`time-limit` must be a number of seconds", "---\ntime-limit: 0\n---\n"),
        (3, "`time-limit` is in this front matter twice", "---\ntime-limit: 3\ntime_limit: 9\n---\n"),
        (2, "unknown key `minuts`; did you mean `minutes`?", "---\nminuts: 30\n---\n"),
        (1, "is not YAML: month must be in 1..12", "---\ndate: 2024-13-45\n---\n"),
        (2, "it must have lines such as `title: Loss`", "---\n# nothing\n---\n"),
        # Front matter that is none
        (1, "front matter must begin on line 1 and end with `---`", "---\nminutes: 30\n\nText.\n"),
        (2, "front matter must begin on line 1 and end with `---`", "\n---\nminutes: 30\n---\n"),
        (1, "MkDocs would take this line for front matter", "Note: this is text.\n"),
        (1, "MkDocs would take this line for front matter", "https://pytorch.org is a site.\n"),
        (2, "front matter must begin on line 1", "<!-- # Licence -->\n---\ntitle: A\nminutes: 30\n---\n"),
        (1, "front matter must begin on line 1", "---\n# the course\nminutes: 35\n\nText.\n"),
        # Comments
        (
            3,
            "the comment ends here: it cannot hold another",
            f"<!-- # old\n\n<!-- hidden -->\n{block('1')}-->\n",
        ),
        (1, "this comment hides a block", f"<!--\n{block('1')}-->\n"),
        # Other marks than those of comments
        (1, "looks like a directive; write `<!-- hidden -->`", "<!- hidden -->\n" + block("x = 1")),
        (
            1,
            "looks like a directive; write `<!-- predict: … -->`",
            "<-- predict: what? -->\n" + block("1", "1"),
        ),
        (1, "looks like a directive; write `<!-- predict: … -->`", "<!\u2013- predict: what? \u2013->\n"),
        (2, "looks like a directive; write `<!-- predict: … -->`", "Text\n  (!-- predict: what? --)\n"),
        (3, "looks like a directive; write `<!-- raises -->`", "- A\n\n    {# raises #}\n"),
        (1, "looks like a directive; write `<!-- raises -->`", "- [//]: # (raises)\n"),
        (1, "looks like a directive; write `<!-- display-only: … -->`", "> < !-- display-only: a\n> b -->\n"),
        (1, "looks like a directive; write `<!-- /predict -->`", "<!\u2014/predict\u2014>\n"),
        # Containers
        (1, "nothing is inside: indent what belongs to it by 4", f"!!! note\n\n{block('1', '1')}"),
        (3, "nothing is inside: indent what belongs to it by 8", '!!! note\n\n    === "A"\n\n    Text.\n'),
        (1, "nothing is inside", '??? tip "Hint"\n'),
        # Exercises
        (3, "the block of an exercise must call its check", block("x = 1", None, "exercise: ★ 5 min")),
        # Directives
        (1, "a question must close each HTML tag", block("1", "1", "predict: Is it <b>bold?")),
        (1, "a question must close each HTML tag", block("1", "1", "predict: What?</summary>")),
        (1, "a question must close each HTML tag", block("1", "1", "predict: a</summary><summary>b")),
        (1, "this directive is not above a Python fence", "<!-- /figure -->\n"),
        (3, "the block of an exercise must call", block("checksum([1])", "1", "exercise: ★ 5 min")),
        (1, "a percentage below 100 or both, not `100%`: write", block("1", "1", "tolerance: 100%")),
        (1, "unknown directive `hiden`; did you mean `hidden`?", block("x = 1", None, "hiden")),
        (1, "unknown directive `a remark`", block("x = 1", None, "a remark")),
        (1, "`raises` is above this block twice", block("x = 1", None, "raises", "raises")),
        (1, "contradict each other", block("x = 1", None, "hidden", "raises")),
        (1, "a percentage below 100 or both, not `nan`: write", block("x = 1", None, "tolerance: nan")),
        (1, "this directive is not above a Python fence", "<!-- hidden -->\n\n```python\nx = 1\n```\n"),
        (1, "this directive is not above a Python fence", "<!-- figure: A line. -->\n"),
        (1, "this directive is not above a Python fence", "<!-- hidden -->\n```console\n$ ls\n```\n"),
        (1, "this directive is not above a Python fence", "<!-- hidden -->\nText\n"),
        (4, "indent the directives like", "- item\n\n  <!-- hidden -->\n" + block("x = 1", indent="    ")),
        (2, "Markdown does not show this block", "<!-- hidden -->\n    ```python\n    x = 1\n    ```\n"),
        (1, "this directive shares its line", "<!-- raises --> text\n" + block("x = 1")),
        (1, "this directive shares its line", "<!-- note --> <!-- hidden -->\n" + block("x = 1")),
        (1, "this directive shares its line", "- <!-- hidden -->\n"),
        (1, "this directive shares its line", "Text <!-- predict: What? -->\n"),
    ],
)
def test_a_near_miss_is_an_error_at_its_line(line: int, words: str, text: str) -> None:
    found = problems(text)
    assert found, "passed over in silence"
    assert found[0][0] == line
    assert words in found[0][1]


@pytest.mark.parametrize(
    "text",
    [
        # Containers with their content, and what is none
        "!!! note\n\n\tText by tab.\n",
        '=== "T"\n\n\tText by tab.\n',
        '!!! warning "This page is a draft"\n\nText.\n',
        "In JavaScript, equality is\n=== and not ==.\n",
        "??? What is this?\n\nText.\n",
        "He asked\n??? and left.\n",
        "```console\n!!! note\n```\n",
        # Comments without a block
        "<!-- ~~~~~ Setup ~~~~~ -->\n",
        "<!-- TODO -->\n",
        "<!-- The end of what one can predict. -->\n\n<!-- # end predict -->\n",
        "<!-- TODO: make this a ```text fence -->\n",
        "<!-- lines 1~~~5 were cut -->\n",
        "<!--\n```mermaid\na\n```\n-->\n",
        "<!-- about the <!-- mark -->\n\nText.\n",
        "Write `<!--` and `-->`.\n",
        "Write `<!- hidden -->`, or\n`{# raises #}`, or ``[//]: # (raises)\n<-- raises -->\n``.\n",
        "```console\n<!- hidden -->\n```\n",
        "<!-- # as in\n{# raises #}\n-->\n",
        "<-- hidden behind this arrow\n",
        "{# a figure of speech: none #}\n",
        "(raises)\n",
        # Front matter and rules
        "---\n\nText.\n",
        "# A\n\nText.\n\n---\n\nNote: this is text.\n",
        "---\nTitle: A\ntitle: B\n---\n",
        "A `key: value` pair.\n",
        # Questions and exercises
        block("1", "1", "predict: Is $i<n$ or $j>m$?"),
        block("1", "1", "predict: See <https://pytorch.org>: what?"),
        block("1", "1", "predict: Is `<b>` bold, or <b>this</b>?<br>Say."),
        block("result = check_it(1)", None, "exercise: ★ 5 min"),
    ],
)
def test_what_looks_a_little_like_a_mistake_is_none(text: str) -> None:
    assert problems(text) == []


def test_a_directive_that_is_only_spoken_of_is_none() -> None:
    assert problems("Write `<!-- hidden -->`, or `` `<!-- raises -->` ``.\n") == []


def test_a_fence_that_is_not_read_alike_everywhere_has_no_other_problem() -> None:
    python, text = "- ```python\n  1 +\n  ```\n", "  ```text\n  1\n  ```\n"
    assert [line for line, _ in problems("<!-- hidden -->\n" + python + text)] == [2, 5]
    misspelt = block("for each x: …", None, "display-onyl: a sketch")
    assert [line for line, _ in problems(misspelt)] == [1]


def test_every_problem_of_a_file_is_named_in_order_with_file_and_line() -> None:
    with pytest.raises(LessonSyntaxError) as caught:
        parse("```py\n1\n```\n\n```\n```\n\n<!-- raises -->\n\n- ```text\n")
    rows = str(caught.value).split("\n")
    assert [row.partition(": ")[0] for row in rows] == [
        "docs/lesson.md:1",
        "    ```py",
        "docs/lesson.md:5",
        "    ```",
        "docs/lesson.md:8",
        "    <!-- raises -->",
        "docs/lesson.md:10",
        "    - ```text",
    ]


def test_a_lesson_is_named_relative_to_its_project(tmp_path: Path) -> None:
    file = tmp_path / "docs" / "x.md"
    file.parent.mkdir()
    file.write_bytes(b"\xef\xbb\xbf# A\r\n")
    assert read_lesson(file, tmp_path).path == "docs/x.md"
    assert read_lesson(file, tmp_path).text == "\ufeff# A\r\n"
    assert read_lesson(file, tmp_path / "elsewhere").path == file.as_posix()


def test_a_file_that_is_not_utf_8_is_an_error_at_its_line(tmp_path: Path) -> None:
    file = tmp_path / "x.md"
    file.write_bytes("# A\n\nÄ\n".encode("latin-1"))
    with pytest.raises(LessonSyntaxError, match=r"\Ax\.md:3: this is not UTF-8: [^\n]*\Z"):
        read_lesson(file, tmp_path)


def _random_lesson(chance: random.Random) -> str:
    pieces = []
    for _ in range(chance.randint(1, 4)):
        indent = chance.choice(["", "    "])
        output = chance.choice([None, "1", "a\n\nb", "  x\n", "```", "~~~~", "Ä\u2028\f"])
        pieces += [chance.choice(["Text.\n\n", "`code`\n\n"])]
        pieces += ["- item\n\n"] if indent else []
        pieces += [block(chance.choice(["x = 1", "'''\n  ~~\n'''", "if x:\n\n    y"]), indent=indent)]
        if output is not None and "```" not in output:
            pieces[-1] = block("show()", output, indent=indent)
    newline = chance.choice(["\n", "\r\n", "\r"])
    text = chance.choice(["", "\ufeff"]) + "".join(pieces).replace("\n", newline)
    return text.removesuffix(newline) if chance.random() < 0.3 else text


def test_what_is_accepted_is_what_is_parsed_and_accepting_it_again_changes_nothing() -> None:
    chance = random.Random(1)
    for _ in range(300):
        lesson = parse_lesson(_random_lesson(chance), "x.md")
        texts = ["", "1", "a\n\nb\n", "```", "````text\n```", "   ", "\n\n1", "~~~", "\u2028", "    deep\n"]
        outputs = {found: chance.choice(texts) for found in lesson.blocks if chance.random() < 0.7}
        accepted = parse_lesson(accept_outputs(lesson, outputs), "x.md")
        assert [found.code for found in accepted.blocks] == [found.code for found in lesson.blocks]
        again = {}
        for before, after in zip(lesson.blocks, accepted.blocks, strict=True):
            old = before.output.text if before.output else ""
            new = after.output.text if after.output else ""
            assert new == outputs.get(before, old)
            if before in outputs:
                again[after] = new
        assert accept_outputs(accepted, again) == accepted.text


def test_the_prose_up_to_the_end_of_a_fold_is_its_explanation() -> None:
    text = block("1", "1", "predict: What?") + "Because.\n\n<!-- /predict -->\n\nAfter.\n"
    (found,) = parse(text).blocks
    assert found.explanation
    assert parse(text).lines[found.explanation.start : found.explanation.end] == ("\n", "Because.\n", "\n")
    assert parse(text).lines[found.end :] == ("\n", "After.\n")
    assert parse(block("1", "1", "predict: What?")).blocks[0].explanation is None


ASKED = block("1", "1", "predict: What?")


def test_the_end_of_a_fold_is_no_second_error_where_its_block_has_one() -> None:
    ((line, message),) = problems(f"{block('1', '1', 'predikt: What?')}It is.\n\n<!-- /predict -->\n")
    assert (line, message[:26]) == (1, "unknown directive `predikt")


@pytest.mark.parametrize(
    ("line", "message", "text"),
    [
        (1, "`/predict` must be below a block with `predict`", "<!-- /predict -->\n"),
        (9, "`/predict` must be below a block with `predict`", f"{block('1', '1')}<!-- /predict -->\n"),
        (
            12,
            "`/predict` must be below a block with `predict`",
            f"{ASKED}<!-- /predict -->\n\n<!-- /predict -->\n",
        ),
        (10, "`/predict` must be on a line of its own", f"{ASKED}Text <!-- /predict -->\n"),
        (12, "`/predict` must be on a line of its own", f"{ASKED}- A\n\n    <!-- /predict -->\n"),
        (12, "a heading is inside the fold", f"{ASKED}## A\n\n<!-- /predict -->\n"),
        (10, "`/predict` ends a fold", f"{ASKED}<!-- /predict -->\n{block('1', '1')}"),
        (10, "put an empty line below `/predict`", f"{ASKED}<!-- /predict -->\n```console\n$\n```\n"),
        (10, "did you mean `/predict`?", f"{ASKED}<!-- /predcit -->\n"),
        (10, "did you mean `/predict`?", f"{ASKED}<!-- / predict -->\n"),
        (12, "did you mean `/predict`?", f"{ASKED}Because.\n\n<!-- end predict -->\n"),
        (12, "did you mean `/predict`?", f"{ASKED}Because.\n\n<!-- endpredict -->\n"),
        (10, "did you mean `/predict`?", f"{ASKED}<!-- End of the prediction -->\n"),
        (10, "did you mean `/predict`?", f"{ASKED}<!-- predict: end -->\n"),
        (10, "did you mean `/predict`?", f"{ASKED}<!-- /prediction -->\n"),
    ],
)
def test_the_end_of_a_fold_that_ends_none_is_an_error(line: int, message: str, text: str) -> None:
    ((found, problem),) = problems(text)
    assert (found, problem[: len(message)]) == (line, message)
