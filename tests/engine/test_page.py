"""A lesson's page, as Python-Markdown renders it with SuperFences: results stand where their blocks do."""

from dataclasses import replace
from html import unescape

import markdown  # type: ignore[import-untyped]
import pytest
from bs4 import BeautifulSoup, Tag
from lesson_helpers import PATH, block, parse, run
from mkdocs.utils.meta import get_data

from lessons_src.engine.failures import Failure, check_lesson
from lessons_src.engine.page import (
    RESULTS,
    fill_in,
    page_html,
    placeholder,
    render_failures,
    render_page,
    render_pictures,
    render_results,
)

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"


def results(*pieces: str) -> tuple[dict[str, str], dict[str, str]]:
    """The HTML of each block's results, and the pictures in them, by their keys."""
    lesson = parse(*pieces)
    lesson_run = run(lesson)
    assert check_lesson(lesson, lesson_run) == []
    return render_results(lesson, lesson_run), render_pictures(lesson, lesson_run)


def render(*pieces: str) -> Tag:
    """The page of a lesson as HTML."""
    html = markdown.markdown(
        render_page(parse(*pieces)).markdown,
        extensions=["admonition", "attr_list", "pymdownx.details", "pymdownx.superfences", "pymdownx.tabbed"],
        extension_configs={
            "pymdownx.superfences": {
                "custom_fences": [
                    {"name": RESULTS, "class": RESULTS, "format": lambda key, *_, **__: placeholder(key)}
                ]
            },
            "pymdownx.tabbed": {"alternate_style": True},
        },
    )
    shown, pictures = results(*pieces)
    return BeautifulSoup(fill_in(fill_in(html, shown), pictures), "html.parser")


def one(tag: Tag, selector: str) -> Tag:
    (found,) = tag.select(selector)
    return found


def test_an_output_stands_right_below_its_block() -> None:
    html = render("# A\n\n", block("print(1)\n2", "1\n2"), "Text.\n")
    output = one(html, "div.highlight + div.lesson-output")
    assert output.attrs == {"class": ["lesson-output"]}
    assert output.decode_contents() == "<pre><samp>1\n2</samp></pre>"
    assert "```" not in html.decode()
    assert one(html, "div.lesson-output + p").text == "Text."


def test_a_block_may_have_a_title() -> None:
    html = render(block("1", "1").replace("python", 'python title="one.py" hl_lines="1"'))
    assert one(html, "div.highlight span.filename").text == "one.py"
    assert one(html, "div.highlight span.hll").text == "1\n"
    assert one(html, "div.highlight + div.lesson-output").text == "1"


def test_the_page_shows_what_is_stored_and_not_what_this_run_saw() -> None:
    html = render(block("object()", "<object at 0x7fff00000000>"), block("0.26", "0.25", "tolerance: 0.1"))
    assert [samp.text for samp in html.select("samp")] == ["<object at 0x7fff00000000>", "0.25"]


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b> & &amp; <script>",
        "# *a* _b_ [c](d) `e`",
        "    indented",
        "```",
        "$x$ | - 1. \\",
        "lesson-results",
        "<!-- x -->",
        "a\n\n\nb",
    ],
)
def test_the_text_of_an_output_is_shown_as_it_is(text: str) -> None:
    fence = "````" if "```" in text else "```"
    stored = f"{fence}text\n{text}\n{fence}\n\n"
    html = render(block(f"print({text!r})"), stored, "Text.\n")
    assert one(html, "samp").text == text
    assert not html.select("samp *")


@pytest.mark.parametrize(
    ("container", "selector"),
    [
        ("!!! note\n\n", "div.admonition"),
        ('??? success "Solution"\n\n', "details.success"),
        ('=== "Tab"\n\n', "div.tabbed-block"),
        ("- item\n\n", "li"),
        ("1. item\n\n", "li"),
    ],
)
def test_an_output_stands_in_what_its_block_stands_in(container: str, selector: str) -> None:
    text = block("for i in range(2):\n\n    print(i)", "0\n1", indent="    ")
    html = render(container, text, block("x = 1", indent="    "), "After.\n")
    place = one(html, selector)
    assert one(place, "div.highlight + div.lesson-output samp").text == "0\n1"
    assert place.select("code")[0].text == "for i in range(2):\n\n    print(i)\n"
    assert "After." not in place.text


def test_an_output_stands_in_a_list_within_an_admonition() -> None:
    html = render("!!! note\n\n    - item\n\n", block("1", "1", indent="        "))
    assert one(html, "div.admonition li div.lesson-output samp").text == "1"


def test_an_expected_exception_is_marked_and_stands_below_what_was_printed() -> None:
    html = render(block("print(1)\n1 / 0", "1\nZeroDivisionError: division by zero", "raises"))
    printed, raised = html.select("div.lesson-output")
    assert (printed.text, printed["class"]) == ("1", ["lesson-output"])
    assert (raised.text, raised["class"]) == (
        "ZeroDivisionError: division by zero",
        ["lesson-output", "lesson-error"],
    )


def test_an_output_that_may_be_wider_than_a_phone_can_be_scrolled_from_the_keyboard() -> None:
    html = render(block("print('a' * 36)", "a" * 36), block("print('a' * 37)", "a" * 37))
    assert [output.get("tabindex") for output in html.select(".lesson-output")] == [None, "0"]


def test_a_tree_is_marked() -> None:
    html = render(block("print('└── MulBackward0')", "└── MulBackward0"))
    assert one(html, "div.lesson-output")["class"] == ["lesson-output", "lesson-tree"]
    assert one(html, "samp").text == "└── MulBackward0"


TREE = """└── loss
    ├── h
    │   └── w
    └── b"""
ASCII_TREE = TREE.translate({ord("└"): "`", ord("├"): "|", ord("│"): "|", ord("─"): "-"})


@pytest.mark.parametrize("tree", [TREE, ASCII_TREE], ids=["drawn", "ascii"])
def test_the_guides_of_a_tree_are_hidden_from_screen_readers_which_hear_levels(tree: str) -> None:
    samp = one(render(block(f"print({tree!r})", tree)), ".lesson-tree samp")
    assert samp.text == tree
    assert [branch["data-level"] for branch in samp.select("[data-level]")] == ["1", "2", "3", "2"]
    for hidden in samp.select('[aria-hidden="true"]'):
        hidden.extract()
    assert samp.text.split() == ["loss", "h", "w", "b"]


def test_a_hidden_block_is_not_on_the_page() -> None:
    html = render("A\n\n", block("secret = 1", None, "hidden"), block("secret + 0", "1"))
    assert [code.text for code in html.select("code")] == ["secret + 0\n"]


def test_of_a_hidden_block_the_figure_is_on_the_page() -> None:
    html = render("A\n\n", block(PLOT, None, "hidden", "figure: A line."), "B\n")
    assert [tag.name for tag in html.find_all(recursive=False)] == ["p", "figure", "p"]
    assert not html.select("code")


def test_directives_are_not_on_the_page() -> None:
    made = render_page(parse(block("0.1", "0.1", "tolerance: 1", "predict: What?")))
    assert "<!--" not in made.markdown


def test_a_block_that_shows_nothing_has_nothing_below_it() -> None:
    html = render(block("x = 1"), "Text.\n")
    assert one(html, "div.highlight + p").text == "Text."
    assert not html.select("p:empty")


def test_a_block_that_is_not_run_says_why() -> None:
    html = render(block("download()", None, "display-only: no <network>"))
    assert one(html, "div.highlight + div.lesson-display-only").text == "Not run: no <network>"


def test_a_prediction_folds_the_output_below_its_question() -> None:
    html = render(block("1", "1", "predict: Is it <1>?"))
    details = one(html, "div.highlight + details.lesson-predict")
    assert one(details, "summary").decode_contents() == "<strong>Predict first.</strong> Is it &lt;1&gt;?"
    assert one(details, "div.lesson-output").text == "1"


def test_a_question_may_hold_markdown_and_quotation_marks() -> None:
    html = render(block("1", "1", 'predict: Is `w` *really* "1"?'))
    assert one(html, "summary").decode_contents() == (
        '<strong>Predict first.</strong> Is <code>w</code> <em>really</em> "1"?'
    )


def test_text_beside_a_block_is_a_paragraph_of_its_own() -> None:
    html = render("Above\n" + block("1", "1").rstrip("\n") + "\nBelow\n")
    found = [child.name for child in html.find_all(recursive=False)]
    assert found == ["p", "div", "div", "p"]
    html = render(block("1", "1", "predict: q").rstrip("\n") + "\nWhy.\n\n<!-- /predict -->\n")
    assert [child.name for child in one(html, "details").find_all(recursive=False)] == ["summary", "div", "p"]
    html = render("- One\n" + block("1", "1", indent="    ").rstrip("\n") + "\n- Two\n")
    assert [[child.name for child in item.find_all(recursive=False)] for item in html.select("li")] == [
        ["p", "div", "div"],
        ["p"],
    ]


@pytest.mark.parametrize("container", ["", "- A list.\n\n", '!!! note "A"\n\n', '=== "A"\n\n'])
def test_an_explanation_is_folded_together_with_the_output(container: str) -> None:
    indent = "    " if container else ""
    prose = ["Because `1`:\n", "", "- one,\n", "- two.\n", "", "<!-- /predict -->\n", "After.\n"]
    rows = [f"{indent}{row}" if row else "\n" for row in prose]
    html = render(container, block("1", "1", "predict: What?", indent=indent), *rows)
    details = one(html, "details.lesson-predict")
    assert [child.name for child in details.find_all(recursive=False)] == ["summary", "div", "p", "ul"]
    assert one(html, "details + p").text == "After."
    assert "/predict" not in html.decode()


def test_an_exercise_says_how_hard_it_is_and_how_long_it_takes() -> None:
    html = render("Do it.\n\n", block("check = print\ncheck(1)", "1", "exercise: ★★ 10 min"))
    assert one(html, "p.lesson-exercise:has(+ div.highlight)").text == "★★☆ medium, 10 minutes"


def test_what_a_check_says_wraps_and_need_not_scroll() -> None:
    words = "word " * 9
    hint, other = f"Not yet: {words}", f"It is not yet: {words}"
    said, shown = render(
        block(f"check = print\ncheck('{hint}')", hint, "exercise: ★ 5 min"), block(f"print('{other}')", other)
    ).select(".lesson-output")
    assert said.attrs == {"class": ["lesson-output", "lesson-said"]}
    assert shown.attrs == {"class": ["lesson-output"], "tabindex": "0"}


def test_a_warning_wraps_and_need_not_scroll() -> None:
    code = f"import warnings\nprint(1)\nwarnings.warn('{'word ' * 9}.')"
    warned = render(block(code, f"1\nUserWarning: {'word ' * 9}."))
    assert one(warned, ".lesson-output").attrs == {"class": ["lesson-output", "lesson-said"]}


def test_a_lesson_says_how_long_it_takes() -> None:
    page = render_page(replace(parse("# A\n\nText.\n"), minutes=30))
    html = BeautifulSoup(page_html(page), "html.parser")
    assert [(tag.name, tag.get("class"), tag.text) for tag in html.select("p, h1")] == [
        ("h1", None, "A"),
        ("p", ["lesson-time"], "30 minutes"),
        ("p", None, "Text."),
    ]
    timed = replace(parse("# A\n\n", *[block("check(1)", "1", "exercise: ★ 5 min")] * 2), minutes=30)
    assert "30 minutes, and 10 for the exercises\n" in render_page(timed).markdown
    assert "minutes" not in render_page(parse("# A\n")).markdown


def test_a_prediction_folds_a_figure_and_an_output_together() -> None:
    code = PLOT.replace("plt.plot", "print(1)\nplt.plot")
    html = render(block(code, "1", "predict: What?", "figure: A line."))
    assert [child.name for child in one(html, "details").find_all(recursive=False)] == [
        "summary",
        "div",
        "figure",
    ]


def test_a_figure_says_what_one_sees_and_is_not_searched() -> None:
    figure = one(render(block(PLOT, None, "figure: A line, from 1 to 2.")), "figure.lesson-figure")
    assert figure.has_attr("data-search-exclude")
    assert (one(figure, "svg")["role"], one(figure, "svg")["aria-label"]) == ("img", "A line, from 1 to 2.")
    assert "var(--lesson-c0, #2563a8)" in figure.decode()


def test_figures_are_numbered_and_the_first_sentence_is_a_caption_for_those_who_see() -> None:
    html = render(
        block(PLOT, None, "figure: A <line>. From 1 to 2.", "predict: What?"), block(PLOT, None, "figure: B")
    )
    assert [caption.text for caption in html.select("figcaption")] == ["Figure 1. A <line>.", "Figure 2. B"]
    for hidden in html.select('figcaption [aria-hidden="true"]'):
        hidden.extract()
    assert [caption.text for caption in html.select("figcaption")] == ["Figure 1", "Figure 2"]


def test_two_figures_of_one_page_have_no_id_in_common() -> None:
    html = render(block(PLOT, None, "figure: One."), block(PLOT, None, "figure: Two."))
    ids = [tag["id"] for tag in html.select("[id]")]
    assert len(html.select("figure")) == 2
    assert len(ids) == len(set(map(str, ids))) > 4


def test_each_result_knows_its_line() -> None:
    text = "# A\n\n", block("1", "1"), block("x = 1", None, "hidden"), block("y = 1")
    made = render_page(parse(*text))
    assert made.lines == {f"{PATH}:4": 4, f"{PATH}:17": 17}
    assert results(*text)[0].keys() == made.lines.keys()


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("ended", ["\n", "---\n", "title: Zed\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_mkdocs_reads_front_matter_whatever_its_line_ends(newline: str, ended: str, start: str) -> None:
    text = "---\ntitle: Zed\ntime-limit: 5\n---\n\n" + block("1", "1").rstrip("\n")
    lesson = parse(start + text.replace(ended, ended[:-1] + newline))
    _, front = get_data(render_page(lesson).markdown)
    assert front == {"title": "Zed", "time-limit": lesson.time_limit} == {"title": "Zed", "time-limit": 5}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_lesson_that_ends_in_a_block_is_rendered_in_full(newline: str) -> None:
    for text in (block("1", "1"), block("x = 1", None, "hidden") + block("1 + x", "2")):
        html = render(text.rstrip("\n").replace("\n", newline))
        assert html.select("div.highlight + div.lesson-output")
    assert render(block("x = 1").rstrip("\n").replace("\n", newline)).select("div.highlight")


def test_a_failure_is_shown_as_text_and_says_what_follows() -> None:
    failure = Failure(PATH, 3, "it <broke>", "x & y", "a\nb")
    kept, none = (render_failures([failure, failure], kept=kept) for kept in (True, False))
    assert 'role="alert"' in kept
    assert unescape(kept).count(str(failure)) == 2
    assert "<broke>" not in kept
    assert "Below is the page as it last ran." in kept
    assert "It has not run since the server started." in none
    assert "failures" not in kept


def test_of_many_failures_a_page_shows_three_and_says_how_many_there_are() -> None:
    failures = [Failure(PATH, line, "wrong") for line in range(1, 8)]
    html = render_failures(failures, kept=True)
    assert html.count("wrong") == 3
    assert "Here are the first 3 of 7 failures." in html
