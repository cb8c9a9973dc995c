"""Which fences and comments stand where, and what Markdown readers would read in different ways."""

import pytest
from lesson_helpers import block, problems

from lessons_src.engine.lesson import Span
from lessons_src.engine.scanning import Comment, Fence, scan


def test_a_fence_knows_its_text_its_lines_and_the_comments_above_it() -> None:
    found = scan(
        "- item\n\n    <!-- one -->\n    <!-- two\n    lines -->\n"
        "    ``` python x \n    1\n\n      2\n    ```\n"
    )
    above = (Comment("one", "    ", Span(2, 3)), Comment("two\n    lines", "    ", Span(3, 5)))
    assert found.fences == (Fence("    ", "python x", "1\n\n  2\n", Span(5, 10), above),)
    assert (found.comments, found.problems) == ((), ())


def test_comments_that_stand_above_no_fence_are_kept_apart() -> None:
    found = scan("<!-- a -->\n\n    <!-- b --> <!-- c -->\nText\nand <!-- d -->\n<!-- e -->\n")
    assert [(comment.text, comment.indent, comment.span.start) for comment in found.comments] == [
        ("a", "", 0),
        ("b", None, 2),
        ("c", None, 2),
        ("d", None, 4),
        ("e", "", 5),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Write `<!-- hidden -->`.\n",
        "Write `over two\nlines <!-- hidden -->`.\n",
        "```code``` is no fence.\n",
        "```` ```{code-cell} ```` is one of Jupyter's,\n```` ~~~python ```` is one of ours.\n",
        "- ```` ```{code-cell} ````\n",
    ],
)
def test_code_in_a_line_holds_neither_fence_nor_comment(text: str) -> None:
    found = scan(text)
    assert (found.fences, found.comments, found.problems) == ((), (), ())


def test_what_looks_like_a_container_inside_a_fence_is_its_text() -> None:
    (fence,) = scan('```text\n!!! note\n=== "Tab"\n```\n').fences
    assert fence.body == '!!! note\n=== "Tab"\n'


@pytest.mark.parametrize(
    "container",
    [
        "!!! note",
        "!!!note",
        '!!!  note "A title"',
        "??? tip",
        '???+ tip "A title"',
        '=== "Tab"',
        '===! "Tab"',
        "- item",
        "12. item",
    ],
)
def test_a_fence_may_be_in_any_container_of_the_page(container: str) -> None:
    inner = container.replace("12.", "1.")
    text = f"{container}\n\n{block('1', indent='    ')}    {inner}\n\n{block('2', indent=' ' * 8)}"
    assert [(fence.body, fence.problem) for fence in scan(text).fences] == [("1\n", None), ("2\n", None)]


def test_a_comment_may_hold_a_fence_and_a_fence_a_comment() -> None:
    assert scan("<!--\n```python\n1 +\n```\n-->\n\nText.\n").fences == ()
    (fence,) = scan("```html\n<!-- a -->\n```\n").fences
    assert (fence.body, fence.comments) == ("<!-- a -->\n", ())


def test_tildes_and_longer_fences_do_as_well() -> None:
    (first, second) = scan("~~~python\n1\n```\n~~~\n````python\n'''\n```\n'''\n````\n").fences
    assert first.body == "1\n```\n"
    assert second.body == "'''\n```\n'''\n"


@pytest.mark.parametrize("end", ["---", "...", "---  "])
def test_front_matter_is_passed_over(end: str) -> None:
    found = scan(f"---\ntitle: |\n  ```python\n  <!--\n{end}\n\n" + block("x = 1"))
    assert (found.body, [fence.span for fence in found.fences]) == (5, [Span(6, 9)])
    assert (found.comments, found.problems) == ((), ())


@pytest.mark.parametrize("start", ["---\n\n", "----\n---\n", " ---\na: b\n---\n"])
def test_a_rule_at_the_top_is_no_front_matter(start: str) -> None:
    found = scan(start + block("x = 1"))
    assert (found.body, len(found.fences)) == (0, 1)


@pytest.mark.parametrize("odd", ["\f", "\u2028", "\x85", "\x1c", "\v"])
def test_what_only_python_takes_for_a_line_end_ends_no_line(odd: str) -> None:
    found = scan(block(f"x = '{odd}'\nx", f"a{odd}b"))
    assert [fence.body for fence in found.fences] == [f"x = '{odd}'\nx\n", f"a{odd}b\n"]


OWN_LINE = "a fence needs a line of its own"
UNSEEN = "Markdown does not show this block as a fence; indent it by 4"
OPEN = "the fence opened on line 1 closes with ```"


@pytest.mark.parametrize(
    ("line", "words", "text"),
    [
        # Where fences stand
        (1, OWN_LINE, "- ```python\n  1\n  ```\n"),
        (1, OWN_LINE, "1. ~~~python\n"),
        (1, OWN_LINE, "> ```python\n> 1\n> ```\n"),
        (1, OWN_LINE, "> - ```text\n"),
        (1, OWN_LINE, "* > ```\n"),
        (3, OWN_LINE, "!!! note\n\n    - ```python\n"),
        (3, "indent this fence by 4 spaces for each", "- item\n\n\t```python\n\t1\n\t```\n"),
        (3, "indent this fence by 4 spaces for each", "1. item\n\n   ```python\n   1\n   ```\n"),
        # Where only one reader sees a fence
        (3, UNSEEN, "Text\n\n    ```python\n    1\n    ```\n"),
        (2, UNSEEN, "Text\n    ```python\n    1\n    ```\n"),
        (1, UNSEEN, "\t```python\n\t1\n\t```\n"),
        (3, UNSEEN, "- item\n\n      ```python\n      1\n      ```\n"),
        (1, UNSEEN, "-     ~~~ python\n"),
        (1, UNSEEN, ">     ```text\n"),
        (3, UNSEEN, "   !!! note\n\n        ```python\n        1\n        ```\n"),
        (2, "put an empty line between the tag and the block", "<div>\n```python\n1\n```\n</div>\n"),
        # How fences close
        (1, "this fence is never closed; end it with ~~~~", "~~~~python\n1\n"),
        (1, "this fence is never closed; end it with ```", "```python"),
        (3, "this fence is never closed; end it with     ```", "- item\n\n    ```python\n    1\n"),
        (
            5,
            "indented less than the fence opened on line 3",
            "1. item\n\n    ```python\n  1\n    ```\n".replace("\n  1", "\n    0\n  1"),
        ),
        (3, OPEN, "```python\n1\n````\n"),
        (3, OPEN, "```python\n1\n  ```\n"),
        (3, OPEN, "```python\n1\n    ```\n```\n"),
        (3, OPEN, "```python\n1\n```\f\n"),
        (4, OPEN, "```python\n1\n\n```text\n1\n```\n"),
        (
            5,
            "indented less than the fence opened on line 3",
            "- item\n\n    ```python\n    1\n  2\n    ```\n",
        ),
    ],
)
def test_a_fence_that_may_be_read_in_two_ways_has_a_problem_at_its_line(
    line: int, words: str, text: str
) -> None:
    problem = scan(text).fences[0].problem
    assert problem
    assert problem.line == line
    assert words in problem.message


def test_a_comment_that_is_never_closed_is_a_problem_at_its_line() -> None:
    found = scan("\n<!-- hidden\n```python\n1\n```\n")
    assert [(problem.line, problem.message) for problem in found.problems] == [
        (2, "this comment is never closed; end it with `-->`")
    ]


@pytest.mark.parametrize("text", ["```python\n1\n", "<!-- hidden\n```python\n```\n"])
def test_nothing_is_read_after_what_is_never_closed(text: str) -> None:
    found = scan(text + "- ```\n\n<!-- raises -->\n")
    assert len([*found.fences, *found.comments]) == 1


def test_a_fence_below_the_name_of_a_footnote_is_not_taken_for_its_address() -> None:
    (problem,) = problems("[^1]:\n    ```python\n    1\n    ```\n")
    assert problem[0] == 2
