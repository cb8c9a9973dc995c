"""Which fences and comments stand where, and what Markdown readers would read in different ways."""

import pytest
from lesson_helpers import block

from lessons_src.engine.lesson import Span
from lessons_src.engine.scanning import Comment, Fence, Page, scan


def test_a_fence_knows_its_text_its_lines_and_the_comments_above_it() -> None:
    page = scan("- item\n\n  <!-- one -->\n  <!-- two\n  lines -->\n  ``` python x \n  1\n\n    2\n  ```\n")
    above = (Comment("one", "  ", Span(2, 3)), Comment("two\n  lines", "  ", Span(3, 5)))
    assert page.fences == (Fence("  ", "python x", "1\n\n  2\n", Span(5, 10), above),)
    assert (page.comments, page.problems) == ((), ())


def test_comments_that_stand_above_no_fence_are_kept_apart() -> None:
    page = scan("<!-- a -->\n\n    <!-- b --> <!-- c -->\nText <!-- d -->\n<!-- e -->\n")
    assert [(found.text, found.indent, found.span.start) for found in page.comments] == [
        ("a", "", 0),
        ("b", "    ", 2),
        ("c", None, 2),
        ("d", None, 3),
        ("e", "", 4),
    ]


def test_code_in_a_line_holds_neither_fence_nor_comment() -> None:
    text = "Write `<!-- hidden -->`.\n\n```code``` is no fence.\n"
    assert scan(text) == Page(tuple(text.splitlines(keepends=True)), (), (), ())


def test_a_comment_may_hold_a_fence_and_a_fence_a_comment() -> None:
    assert scan("<!--\n```python\n1 +\n```\n-->\n\nText.\n").fences == ()
    (fence,) = scan("```html\n<!-- a -->\n```\n").fences
    assert (fence.body, fence.comments) == ("<!-- a -->\n", ())


def test_tildes_and_longer_fences_do_as_well() -> None:
    (first, second) = scan("~~~python\n1\n```\n~~~\n````python\n'''\n```\n'''\n````\n").fences
    assert first.body == "1\n```\n"
    assert second.body == "'''\n```\n'''\n"


@pytest.mark.parametrize("end", ["---", "..."])
def test_front_matter_is_passed_over(end: str) -> None:
    (fence,) = scan(f"---\ntitle: |\n  ```python\n{end}\n\n" + block("x = 1")).fences
    assert fence.span == Span(5, 8)


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert len(scan("---\n\n" + block("x = 1")).fences) == 1


@pytest.mark.parametrize("odd", ["\f", "\u2028", "\x85", "\x1c", "\v"])
def test_what_only_python_takes_for_a_line_end_ends_no_line(odd: str) -> None:
    page = scan(block(f"x = '{odd}'\nx", f"a{odd}b"))
    assert [fence.body for fence in page.fences] == [f"x = '{odd}'\nx\n", f"a{odd}b\n"]


@pytest.mark.parametrize(
    ("line", "words", "text"),
    [
        # Where fences stand
        (1, "a fence needs a line of its own", "- ```python\n  1\n  ```\n"),
        (1, "a fence needs a line of its own", "1. ~~~python\n"),
        (1, "a fence needs a line of its own", "> ```python\n> 1\n> ```\n"),
        (1, "a fence needs a line of its own", "> - ```text\n"),
        (1, "a fence needs a line of its own", "* > ```\n"),
        (3, "a fence needs a line of its own", "!!! note\n\n    - ```python\n"),
        (1, "indent this fence with spaces", "\t```python\n\t1\n\t```\n"),
        # How fences close
        (1, "this fence is never closed; end it with `~~~~`", "~~~~python\n1\n"),
        (3, "the fence opened on line 1 closes with `````", "```python\n1\n````\n"),
        (3, "the fence opened on line 1 closes with `````", "```python\n1\n  ```\n"),
        (3, "the fence opened on line 1 closes with `````", "```python\n1\n```\f\n"),
        (4, "indented less than the fence opened on line 2", "\n    ```python\n    1\nText\n"),
        # How comments close
        (2, "this comment is never closed", "\n<!-- hidden\n```python\n1\n```\n"),
    ],
)
def test_what_may_be_read_in_two_ways_is_a_problem_at_its_line(line: int, words: str, text: str) -> None:
    found = scan(text).problems[0]
    assert found.line == line
    assert words in found.message


@pytest.mark.parametrize("text", ["```python\n1\n", "    ```python\nText\n", "<!-- hidden\n```python\n```\n"])
def test_nothing_is_read_after_what_is_never_closed(text: str) -> None:
    page = scan(text + "- ```\n")
    assert (page.fences, page.comments, len(page.problems)) == ((), (), 1)
