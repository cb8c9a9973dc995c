"""A lesson's notebook: its prose, its code, and what that showed."""

import json
from typing import Any

import nbformat
from lesson_helpers import block, parse, run

from lessons_src.engine.failures import check_lesson
from lessons_src.engine.lesson import LessonRun
from lessons_src.engine.notebook import notebook


def cells(*pieces: str) -> list[dict[str, Any]]:
    lesson = parse(*pieces)
    lesson_run = run(lesson)
    assert check_lesson(lesson, lesson_run) == []
    found: list[dict[str, Any]] = json.loads(notebook(lesson, lesson_run))["cells"]
    return found


def test_prose_and_code_become_cells_in_their_order() -> None:
    found = cells("# Title\n\nText.\n\n", block("x = 1"), block("x", "1"), "More.\n")
    assert [(cell["cell_type"], cell["source"]) for cell in found] == [
        ("markdown", "# Title\n\nText."),
        ("code", "x = 1"),
        ("code", "x"),
        ("markdown", "More."),
    ]


def test_what_a_block_stores_stands_below_its_cell() -> None:
    (cell,) = cells(block("print(1)\n2", "1\n2"))
    assert cell["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "1\n2\n"}]


def test_an_expected_exception_stands_below_its_cell() -> None:
    (cell,) = cells(block("print(1)\n1 / 0", "1\nZeroDivisionError: division by zero", "raises"))
    assert cell["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "1\n"},
        {
            "output_type": "error",
            "ename": "ZeroDivisionError",
            "evalue": "division by zero",
            "traceback": ["ZeroDivisionError: division by zero"],
        },
    ]


def test_a_figure_stands_below_its_cell() -> None:
    (cell,) = cells(block("import matplotlib.pyplot as plt\nplt.plot([1, 2]);", None, "figure: A line."))
    (output,) = cell["outputs"]
    assert output["output_type"] == "display_data"
    assert "".join(output["data"]["image/svg+xml"]).startswith("<svg")


def test_hidden_code_is_in_the_notebook_which_would_not_run_without_it() -> None:
    assert [cell["source"] for cell in cells(block("x = 1", None, "hidden"), block("x", "1"))] == [
        "x = 1",
        "x",
    ]


def test_a_block_that_is_not_run_is_prose_with_its_reason() -> None:
    (cell,) = cells(block("download()", None, "display-only: no network"))
    assert (cell["cell_type"], cell["source"]) == (
        "markdown",
        "```python\ndownload()\n```\n\nNot run: no network",
    )


def test_a_block_that_was_not_reached_has_nothing_below_it() -> None:
    (cell,) = json.loads(notebook(parse(block("1", "1")), LessonRun([None])))["cells"]
    assert cell["outputs"] == []


def test_front_matter_and_byte_order_mark_are_not_in_the_notebook() -> None:
    assert [cell["source"] for cell in cells("\ufeff---\ntitle: x\n---\n\n# Title\n")] == ["# Title"]
    assert [cell["source"] for cell in cells("---\ntitle: x\n...\n# Title\n")] == ["# Title"]
    assert [cell["source"] for cell in cells("\ufeff# Title\n")] == ["# Title"]


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert [cell["source"] for cell in cells("---\n\n# Title\n")] == ["---\n\n# Title"]


def test_the_code_of_an_indented_block_is_not_indented() -> None:
    assert (
        cells("- item\n\n", block("if True:\n    x = 1", indent="    "))[1]["source"] == "if True:\n    x = 1"
    )


def test_the_same_lesson_gives_the_same_valid_notebook_whatever_locations_it_saw() -> None:
    text = block("x = object()\nx", "<object at 0x7fff00000000>") + block(
        "import matplotlib.pyplot as plt\nplt.figure();", None, "figure: Nothing."
    )
    lesson = parse("# Title\n\n", text)
    one, other = notebook(lesson, run(lesson)), notebook(lesson, run(lesson))
    assert one == other
    assert one.endswith("}\n")
    nbformat.validate(nbformat.reads(one, as_version=4))


def test_a_question_stands_above_its_cell_and_its_explanation_is_folded_below_it() -> None:
    prose = "    Because:\n\n    1. one\n\n    <!-- /predict -->\n"
    found = cells("- A list\n\n", block("1", "1", "predict: What is `1`?", indent="    "), prose)
    assert [cell["source"] for cell in found] == [
        "- A list",
        "**Predict first.** What is `1`?",
        "1",
        "<details><summary>Explanation</summary>\n\nBecause:\n\n1. one\n\n</details>",
    ]
