"""Nothing that a reader sees as Python is passed over, and no example is lost on the way to pytest."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from lessons_src.publishing.checking import check_lesson
from lessons_src.publishing.parsing import parse_lesson, read_lesson
from lessons_src.publishing.running import run_lesson

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])

EXAMPLES = {
    "CONTRIBUTING.md": 4,
    "README.md": 1,
    "docs/index.md": 3,
    "docs/lessons/computational-graph.md": 42,
    "docs/lessons/first-demos.md": 22,
    "docs/lessons/grad-accumulates.md": 41,
    "docs/lessons/linear-regression.md": 32,
    "docs/lessons/loss-gradients-optimisation.md": 35,
    "docs/lessons/no-grad.md": 45,
    "docs/lessons/recursive-functions.md": 54,
    "docs/reference/backward.md": 12,
    "docs/reference/basics.md": 9,
    "docs/reference/graph.md": 17,
    "lessons_src/__init__.py": 4,
    "lessons_src/discovery.py": 5,
    "lessons_src/drawing/dot.py": 5,
    "lessons_src/drawing/layout.py": 4,
    "lessons_src/drawing/painting.py": 4,
    "lessons_src/drawing/picture.py": 6,
    "lessons_src/drawing/planning.py": 8,
    "lessons_src/drawing/sizes.py": 4,
    "lessons_src/drawing/svg.py": 3,
    "lessons_src/drawing/words.py": 14,
    "lessons_src/gradient.py": 2,
    "lessons_src/garbage.py": 1,
    "lessons_src/graph.py": 26,
    "lessons_src/naming.py": 4,
    "lessons_src/outputs.py": 2,
    "lessons_src/printing.py": 3,
    "lessons_src/publishing/accepting.py": 3,
    "lessons_src/publishing/comparing.py": 3,
    "lessons_src/publishing/directives.py": 2,
    "lessons_src/publishing/figures.py": 1,
    "lessons_src/publishing/formulas.py": 1,
    "lessons_src/publishing/parsing.py": 3,
    "lessons_src/publishing/rendering.py": 1,
    "lessons_src/publishing/running.py": 7,
    "lessons_src/publishing/scanning.py": 2,
    "lessons_src/reading.py": 5,
    "lessons_src/record.py": 9,
    "lessons_src/recording.py": 4,
    "lessons_src/regression.py": 7,
    "lessons_src/rendering/lines.py": 5,
    "lessons_src/rendering/listing.py": 9,
    "lessons_src/rendering/options.py": 1,
    "lessons_src/rendering/printer.py": 5,
    "lessons_src/rendering/steps.py": 6,
    "lessons_src/rendering/tree.py": 4,
    "lessons_src/traversal.py": 6,
}
"""How many examples pytest collects from each file. A change here is a change of what is tested."""


def commonmark(text: str) -> str:
    """Material's containers, which CommonMark does not know, as list items of the same indentation."""
    text = re.sub(r"\A---\n.*?\n---\n", lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)
    return re.sub(r"^( *)(?:!!!|\?\?\?\+?|===) ", r"\1-   ", text, flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_commonmark_sees_as_python_is_what_the_parser_sees(page: Path) -> None:
    tokens = MarkdownIt().parse(commonmark(page.read_text(encoding="utf-8")))
    seen = [
        (token.map[0] + 2, token.content)
        for token in tokens
        if token.type == "fence" and token.map and re.search("py", token.info, re.IGNORECASE)
    ]
    lesson = read_lesson(page, ROOT)
    assert seen == [(block.line, block.code) for block in lesson.blocks]
    assert all(block.is_run or block.directives.display_only for block in lesson.blocks)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_code_hides_in_an_indented_block(page: Path) -> None:
    tokens = MarkdownIt().parse(commonmark(page.read_text(encoding="utf-8")))
    assert [token.map for token in tokens if token.type == "code_block"] == []


def test_pytest_collects_every_example() -> None:
    paths = ["docs", "lessons_src", "README.md", "CONTRIBUTING.md"]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", *paths]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    counts = (line.rsplit(": ") for line in listing.stdout.splitlines() if ": " in line)
    assert {name: int(count) for name, count in counts} == EXAMPLES


def test_the_lesson_that_the_readme_shows_is_a_lesson() -> None:
    tokens = MarkdownIt().parse((ROOT / "README.md").read_text(encoding="utf-8"))
    example = next(token.content for token in tokens if token.info == "markdown")
    lesson = parse_lesson(example, "docs/lessons/slope.md")
    assert [block.output is not None for block in lesson.blocks] == [True]
    assert check_lesson(lesson, run_lesson(lesson)) == []
