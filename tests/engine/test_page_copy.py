"""A page as plain Markdown: with its outputs, without what only the site understands."""

from dataclasses import replace

import pytest
from lesson_helpers import block, parse

from lessons_src.engine.page import render_page
from lessons_src.engine.page_copy import copy_page


def plain(*pieces: str) -> str:
    lesson = parse(*pieces)
    page = render_page(lesson).markdown
    return copy_page(page, lesson, "https://a.org/b/c.md", lambda *found: f"{found}\n")


def test_an_output_stays_below_its_block_and_a_hidden_block_is_left_out() -> None:
    text = "# A\n\n" + block("print(1)\n\n\n2", "1\n2") + "Text.\n"
    assert plain(text) == text
    assert plain("# A\n\n", block("1;", None, "hidden"), text.removeprefix("# A\n\n")) == text


def test_the_time_is_told_without_its_class() -> None:
    lesson = replace(parse("# A\n\nText.\n"), minutes=30)
    page = render_page(lesson).markdown
    assert "{ .lesson-time }" in page
    assert copy_page(page, lesson, "", max) == "# A\n\n30 minutes\n\nText.\n"


def test_a_question_is_above_what_it_asks_for() -> None:
    question = block("2 * w", "6", "predict: What is it?<br>**A** 5<br>**B** 6")
    assert plain(question, "Twice 3.\n\n<!-- /predict -->\n\nText.\n") == (
        "```python\n2 * w\n```\n\n**Predict first.** What is it?\n\n**A** 5\n\n**B** 6\n\n"
        "<details>\n<summary>Answer</summary>\n\n```text\n6\n```\n\nTwice 3.\n\n</details>\n\nText.\n"
    )


def test_figures_are_described_and_counted() -> None:
    first = block("plot();", None, "figure: A line. It is straight.")
    second = block("plot();", None, "hidden", "figure: A curve.")
    assert plain(first, second) == (
        "```python\nplot();\n```\n\n**Figure 1.** A line. It is straight.\n\n**Figure 2.** A curve.\n"
    )


def test_an_exercise_says_how_hard_it_is_and_a_block_that_it_is_not_run() -> None:
    assert plain(block("check()", "Right.", "exercise: ★★ 10 min")).startswith(
        "★★☆ medium, 10 minutes\n\n```python\ncheck()\n```\n\n```text\n"
    )
    assert plain(block("exit()", None, "display-only: it would end this process.")) == (
        "```python\nexit()\n```\n\nNot run: it would end this process.\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "See [this](../clinic.md#x) and [that](a.md).",
            "See [this](https://a.org/clinic/#x) and [that](https://a.org/b/a/).",
        ),
        ('<a href="a.ipynb" download>this</a>', '<a href="https://a.org/b/c/a.ipynb" download>this</a>'),
        ("[Go](a.md){ .md-button .primary }", "[Go](https://a.org/b/a/)"),
        ("`[a](b.md)` and ``[`a`](b.md)``", "`[a](b.md)` and ``[`a`](b.md)``"),
        ("One.\n\n<!-- # not: two -->\n\nThree.", "One.\n\nThree."),
        ("One.\n\n\n\nTwo.", "One.\n\nTwo."),
        ("```console\n[a](b.md)\n\n\n\n<!-- # c -->\n```", "```console\n[a](b.md)\n\n\n\n<!-- # c -->\n```"),
        ("::: a.b\n    options:\n      x: 1\n\nText.", "('a.b', '    options:\\n      x: 1\\n')\n\nText."),
    ],
)
def test_prose_says_the_same_elsewhere(text: str, expected: str) -> None:
    assert plain(f"{text}\n") == f"{expected}\n"


def test_what_is_folded_stays_folded_and_other_containers_end_where_they_did() -> None:
    solution = block("1", "1", indent="        ")
    text = f'??? tip "Hint"\n    One.\n\n    !!! note\n\n        Two.\n\n{solution}    Three.\n\nFour.\n'
    assert plain(text) == (
        "<details>\n<summary>Hint</summary>\n\nOne.\n\n> **Note**\n>\n> Two.\n>\n"
        "> ```python\n> 1\n> ```\n>\n> ```text\n> 1\n> ```\n\nThree.\n\n</details>\n\nFour.\n"
    )


def test_a_fold_in_a_list_keeps_its_place_and_one_at_the_end_is_closed() -> None:
    text = '- One\n\n    ??? tip "Two"\n\n        Three.\n'
    assert (
        plain(text) == "- One\n\n    <details>\n    <summary>Two</summary>\n\n    Three.\n\n    </details>\n"
    )


def test_tabs_have_their_titles_and_a_fence_is_not_read() -> None:
    text = '=== "Linux"\n\n    ```console\n    ??? tip "Hint"\n    ```\n\n=== "macOS"\n\n    None.\n'
    assert plain(text) == '**Linux**\n\n```console\n??? tip "Hint"\n```\n\n**macOS**\n\nNone.\n'
