"""A lesson's notebook: its prose, its code, and what that showed."""

import json
import re
from base64 import b64decode
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
from lesson_helpers import block, parse, run

from lessons_src.engine.failures import check_lesson
from lessons_src.engine.lesson import LessonRun
from lessons_src.engine.notebook import EXAMPLE, notebook

SITE = "https://learn.example.org/torch/"
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"


def all_cells(*pieces: str, repository: str = EXAMPLE) -> list[dict[str, Any]]:
    lesson = parse(*pieces)
    lesson_run = run(lesson)
    assert check_lesson(lesson, lesson_run) == []
    text = notebook(lesson, lesson_run, site=SITE, repository=repository)
    nbformat.validate(nbformat.reads(text, as_version=4))
    found: list[dict[str, Any]] = json.loads(text)["cells"]
    return found


def cells(*pieces: str) -> list[dict[str, Any]]:
    """The cells below the first, which sets up."""
    return all_cells(*pieces)[1:]


def sources(*pieces: str) -> list[str]:
    return [cell["source"] for cell in cells(*pieces)]


def picture(html: str) -> tuple[str, ElementTree.Element]:
    """The text and the SVG of the image in `html`."""
    found = re.search(r'<img alt="([^"]*)" src="data:image/svg\+xml;base64,([^"]+)">', html)
    assert found
    return found[1], ElementTree.fromstring(b64decode(found[2]))


def test_prose_and_code_become_cells_in_their_order() -> None:
    found = cells("## Title\n\nText.\n\n", block("x = 1"), block("x", "1"), "More.\n")
    assert [(cell["cell_type"], cell["source"]) for cell in found] == [
        ("markdown", "## Title\n\nText."),
        ("code", "x = 1"),
        ("code", "x"),
        ("markdown", "More."),
    ]


def test_the_title_is_followed_by_a_link_to_the_page() -> None:
    (title,) = sources("# Title\n\n# Another\n")
    assert title == f"# Title\n\n[This page on the site]({SITE}lesson/)\n\n# Another"


def test_what_a_block_stores_stands_below_its_cell() -> None:
    (cell,) = cells(block("print(1)\n2", "1\n2"))
    assert cell["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "1\n2\n"}]


def test_an_expected_exception_stands_below_its_cell_and_does_not_end_a_run_of_all_cells() -> None:
    (cell,) = cells(
        block(
            "import json\nprint(1)\njson.loads('')",
            "1\njson.decoder.JSONDecodeError: ...",
            "raises",
            "ellipsis",
        )
    )
    assert cell["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "1\n"},
        {
            "output_type": "error",
            "ename": "JSONDecodeError",
            "evalue": "...",
            "traceback": ["json.decoder.JSONDecodeError: ..."],
        },
    ]
    assert cell["metadata"]["tags"] == ["raises-exception"]


def test_a_figure_stands_below_its_cell_with_its_text_and_its_caption() -> None:
    described = 'A "line". It rises & <ends>.'
    cell, caption = cells(block(FIGURE, None, f"figure: {described}"))
    (output,) = cell["outputs"]
    assert output["output_type"] == "display_data"
    assert output["data"]["text/plain"] == described
    alt, svg = picture(output["data"]["text/html"])
    assert alt == "A &quot;line&quot;. It rises &amp; &lt;ends&gt;."
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert (svg.get("width"), svg.get("height")) == ("360", "230.4")
    assert caption["source"] == (
        '<details>\n<summary><b>Figure 1</b>. A "line".</summary>\n\n'
        "It rises &amp; &lt;ends&gt;.\n\n</details>"
    )


def test_a_figure_that_one_sentence_describes_has_nothing_to_fold() -> None:
    found = sources(block(FIGURE, None, "figure: One."), block(FIGURE, None, "figure: Two."), "More.\n")
    assert found[1::2] == ["<b>Figure 1</b>. One.", "<b>Figure 2</b>. Two.\n\n\nMore."]


def test_hidden_code_is_a_cell_that_is_closed_because_the_notebook_would_not_run_without_it() -> None:
    hidden, seen = cells(block("x = 1", None, "hidden"), block("x", "1"))
    assert (hidden["source"], seen["source"]) == ("x = 1", "x")
    assert hidden["metadata"] == {"jupyter": {"source_hidden": True}, "cellView": "form"}
    assert seen["metadata"] == {}


def test_a_block_that_is_not_run_is_prose_with_its_reason() -> None:
    (cell,) = cells(block("download()", None, "display-only: no network"))
    assert (cell["cell_type"], cell["source"]) == (
        "markdown",
        "```python\ndownload()\n```\n\nNot run: no network",
    )


def test_a_block_that_was_not_reached_has_nothing_below_it_and_nothing_as_its_answer() -> None:
    lesson = parse(block("1", "1"), block("2", "2", "predict: What?"))
    text = notebook(lesson, LessonRun([None, None]), site=SITE, repository=EXAMPLE)
    found = json.loads(text)["cells"][1:]
    assert [cell["outputs"] for cell in found if cell["cell_type"] == "code"] == [[], []]
    assert found[-1]["source"] == "<details>\n<summary>Answer</summary>\n\n\n\n</details>"


def test_front_matter_and_byte_order_mark_are_not_in_the_notebook() -> None:
    assert sources("\ufeff---\ntitle: x\n---\n\nText.\n") == ["Text."]
    assert sources("---\ntitle: x\n...\nText.\n") == ["Text."]
    assert sources("\ufeffText.\n") == ["Text."]


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert sources("---\n\nText.\n") == ["---\n\nText."]


def test_a_block_of_a_list_is_a_cell_and_what_goes_on_below_it_is_no_code() -> None:
    code = block("if True:\n    x = 1", indent="    ")
    assert sources("- item\n\n", code, "    More of it.\n\n    - inner\n\n- next\n") == [
        "- item",
        "if True:\n    x = 1",
        "More of it.\n\n- inner\n\n- next",
    ]


def test_the_same_lesson_gives_the_same_notebook_whatever_locations_it_saw() -> None:
    text = block("x = object()\nx", "<object at 0x7fff00000000>") + block(
        "import matplotlib.pyplot as plt\nplt.axes();", None, "figure: Nothing."
    )
    lesson = parse("# Title\n\n", text)
    one, other = (notebook(lesson, run(lesson), site=SITE, repository=EXAMPLE) for _ in range(2))
    assert one == other
    assert one.endswith("}\n")
    ids = [cell["id"] for cell in json.loads(one)["cells"]]
    assert ids == ["set-up", "prose-0", "line-4", "line-14", "prose-1"]


def test_cells_that_were_run_are_numbered() -> None:
    found = all_cells(block("x = 1"), block("x", "1", "predict: What?"), block("x", "1"))
    counts = [cell["execution_count"] for cell in found if cell["cell_type"] == "code"]
    assert counts == [None, 1, None, 2]


def test_a_question_is_above_its_cell_and_its_answer_is_folded_below_it() -> None:
    prose = "    Because:\n\n    1. one\n\n    <!-- /predict -->\n\nMore.\n"
    found = cells("- A list\n\n", block("1", "1", "predict: What is `1`?", indent="    "), prose)
    assert [cell["source"] for cell in found] == [
        "- A list\n\n    **Predict first.** What is `1`?",
        "1",
        "<details>\n<summary>Answer</summary>\n\n```text\n1\n```\n\n\nBecause:\n\n1. one\n\n</details>",
        "More.",
    ]
    assert found[1]["outputs"] == []


def test_the_answer_to_a_question_may_be_a_figure() -> None:
    code, answer = cells(block(FIGURE, None, "predict: What?", "figure: A line. It rises."))[1:]
    assert code["outputs"] == []
    alt, _ = picture(answer["source"])
    assert alt == "A line. It rises."


def test_an_exercise_says_how_hard_it_is_above_its_cell() -> None:
    grade, code = cells(block("check = print\n\n\ncheck('Not yet.')", "Not yet.", "exercise: ★★ 10 min"))
    assert grade["source"] == "*★★☆ medium, 10 minutes*"
    assert code["outputs"][0]["text"] == "Not yet.\n"


def test_the_blocks_of_a_fold_are_text_so_that_a_run_of_all_cells_gives_no_answer_away() -> None:
    fold = '??? success "Solution of `f`"\n\n    Think.\n\n'
    inside = [
        block("1 + 1", "2", indent="    "),
        block(FIGURE, None, "figure: A line.", indent="    "),
        block("3", "3", "predict: What?", indent="    "),
    ]
    source, after = sources(fold, *inside, "After.\n")
    assert after == "After."
    assert source.startswith(
        "<details>\n<summary>Solution of <code>f</code></summary>\n\nThink.\n\n"
        "```python\n1 + 1\n```\n\nOutput:\n\n```text\n2\n```\n"
    )
    assert picture(source)[0] == "A line."
    assert source.endswith(
        "**Predict first.** What?\n\n```python\n3\n```\n\n\n"
        "<details>\n<summary>Answer</summary>\n\n```text\n3\n```\n\n</details>\n\n</details>"
    )


@pytest.mark.parametrize("mark", ["!!! note", "???+ note"])
def test_an_open_admonition_is_a_quotation_around_its_cells(mark: str) -> None:
    pieces = [
        f'{mark} "Look"\n\n    One.\n\n    Two.\n\n',
        block("1", "1", indent="    "),
        "    Three.\n\nAfter.\n",
    ]
    assert sources(*pieces) == ["> **Look**\n>\n> One.\n>\n> Two.", "1", "> Three.\n\nAfter."]


def test_an_admonition_is_called_by_its_kind_unless_it_has_a_title() -> None:
    assert sources("!!! note inline end\n    One.\n") == ["> **Note**\n>\n> One."]
    assert sources('!!! note ""\n    One.\n') == ["> One."]


def test_a_tab_is_a_paragraph_with_its_title() -> None:
    tabs = ['=== "Linux"\n\n', block("1", "1", indent="    "), '\n=== "macOS"\n\n    Two.\n']
    assert sources(*tabs) == ["**Linux**", "1", "**macOS**\n\nTwo."]


def test_containers_may_be_in_each_other_and_in_lists() -> None:
    nested = '- item\n\n    ??? tip "Outer"\n\n        !!! note\n\n            Inner.\n\n    Rest.\n'
    source, rest = sources(nested)
    rows = "<details>", "<summary>Outer</summary>", "> **Note**", ">", "> Inner.", "</details>"
    assert rest == "Rest."
    assert [row for row in source.split("\n") if row.strip()] == ["- item", *(f"    {row}" for row in rows)]


def test_what_looks_like_a_container_in_a_fence_is_none() -> None:
    fence = "```console\n!!! note\n    [x](y.md){ .z }\n```"
    assert sources(fence + "\n") == [fence]


def test_links_lead_to_the_site_and_to_the_repository() -> None:
    text = (
        "[a](other.md#x) [b](#y) [c](../index.md) ![d](assets/d.png){ width=80 } [e](https://e.org/f.md)\n"
        f'<a href="../g/">g</a> [h]({EXAMPLE}/blob/main/h.py){{ .md-button }} `[i](i.md)` $x_{{.5}}$\n'
    )
    (_, cell) = all_cells(text, repository="https://code.org/team/torch/")
    assert cell["source"] == (
        f"[a]({SITE}other/#x) [b]({SITE}lesson/#y) [c](https://learn.example.org/) ![d]({SITE}assets/d.png) "
        f'[e](https://e.org/f.md)\n<a href="{SITE}g/">g</a> '
        "[h](https://code.org/team/torch/blob/main/h.py) `[i](i.md)` $x_{.5}$"
    )


def test_a_link_by_a_name_and_one_beside_a_price_lead_to_the_site_too() -> None:
    text = "[a][b] costs $5, see [c](c.md), or $6.\n\n[b]: other.md\n"
    (cell,) = sources(text)
    assert cell == f"[a][b] costs $5, see [c]({SITE}c/), or $6.\n\n[b]: {SITE}other/"


def test_links_in_questions_and_explanations_lead_to_the_site_too() -> None:
    question, _, answer = sources(
        block("1", "1", "predict: [What](other.md)?"), "[Why](other.md)\n\n<!-- /predict -->\n"
    )
    assert f"[What]({SITE}other/)?" in question
    assert f"[Why]({SITE}other/)" in answer


def test_remarks_and_lists_of_attributes_are_dropped_and_formulas_and_code_are_not() -> None:
    text = "<!-- # a remark -->\nOne\n{: .big #top }\n\n$$\n\\sum_{i=1} {.a}\n$$\n\n``{ .x } ` y``\n"
    assert sources(text) == ["One\n\n\n$$\n\\sum_{i=1} {.a}\n$$\n\n``{ .x } ` y``"]


def test_the_first_cell_installs_what_is_missing_from_the_repository() -> None:
    (cell,) = all_cells(repository="https://code.org/team/torch/")
    assert '    %pip install --quiet --no-deps "git+https://code.org/team/torch"\n' in cell["source"]
    assert "torch.manual_seed(0)" in cell["source"]


@pytest.mark.parametrize("repository", ["", EXAMPLE, f"{EXAMPLE}/"])
def test_nothing_can_be_installed_from_the_repository_of_the_example(repository: str) -> None:
    (cell,) = all_cells(repository=repository)
    assert "install" not in cell["source"]
    assert "torch.manual_seed(0)" in cell["source"]


def test_line_ends_are_those_of_jupyter() -> None:
    lesson = "a\r\n\r\n```python\r\n1\r\n```\r\n\r\n```text\r\n1\r\n```\r\n\r\nb\r\nc\r\n"
    assert sources(lesson) == ["a", "1", "b\nc"]
