"""Nothing that a reader sees as Python is passed over, and no example is lost on the way to pytest."""

import ast
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from lessons_src.engine.failures import check_lesson
from lessons_src.engine.parsing import parse_lesson, read_lesson
from lessons_src.engine.running import run_lesson

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
MODULES = sorted(ROOT.glob("lessons_src/**/*.py"))


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


def examples_in(file: Path) -> int:
    """How many examples there are, by parsers that have no part in collecting them."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        tokens = MarkdownIt().parse(commonmark(text))
        fences = [token for token in tokens if token.type == "fence" and token.info == "python"]
        comments = [token.content.strip() for token in tokens if token.type == "html_block"]
        return len(fences) - sum(comment.startswith("<!-- display-only:") for comment in comments)
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = [ast.get_docstring(node) for node in ast.walk(ast.parse(text)) if isinstance(node, nodes)]
    return sum(len(doctest.DocTestParser().get_examples(each)) for each in docstrings if each)


def test_pytest_collects_every_example() -> None:
    paths = ["docs", "lessons_src", "README.md", "CONTRIBUTING.md"]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", *paths]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    counts = (line.rsplit(": ") for line in listing.stdout.splitlines() if ": " in line)
    there = {file.relative_to(ROOT).as_posix(): examples_in(file) for file in [*PAGES, *MODULES]}
    assert {name: int(count) for name, count in counts} == {name: n for name, n in there.items() if n}


def test_the_lesson_that_the_readme_shows_is_a_lesson() -> None:
    tokens = MarkdownIt().parse((ROOT / "README.md").read_text(encoding="utf-8"))
    example = next(token.content for token in tokens if token.info == "markdown")
    lesson = parse_lesson(example, "docs/lessons/slope.md")
    assert [block.output is not None for block in lesson.blocks] == [True]
    assert check_lesson(lesson, run_lesson(lesson)) == []
