"""Nothing that a reader sees as Python is passed over, and no example is lost on the way to pytest."""

import ast
import doctest
from collections import Counter
from functools import cache
from html import escape
from pathlib import Path

import markdown  # type: ignore[import-untyped]
import pytest
from bs4 import BeautifulSoup, Comment
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.utils.meta import get_data

from lessons_src.engine.failures import check_lesson
from lessons_src.engine.parsing import parse_lesson, read_lesson
from lessons_src.engine.running import run_lesson

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
MODULES = sorted(ROOT.glob("lessons_src/**/*.py"))


@cache
def settings() -> MkDocsConfig:
    return load_config(str(ROOT / "mkdocs.yml"))


@cache
def shown(page: Path) -> BeautifulSoup:
    """A page as MkDocs renders it, with each fence as a `pre` that has its language."""

    def fence(source: str, language: str, *_: object, **__: object) -> str:
        return f'<pre lang="{language}">{escape(source)}</pre>'

    text, _ = get_data(page.read_text(encoding="utf-8"))
    configs = settings().mdx_configs | {
        "pymdownx.superfences": {
            "custom_fences": [{"name": "*", "class": "", "validator": lambda *_: True, "format": fence}]
        }
    }
    html = markdown.markdown(text, extensions=settings().markdown_extensions, extension_configs=configs)
    return BeautifulSoup(html, "html.parser")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_as_python_is_what_the_parser_sees(page: Path) -> None:
    lesson = read_lesson(page, ROOT)
    assert [fence.text for fence in shown(page).select("pre[lang*=py i]")] == [
        block.code.removesuffix("\n") for block in lesson.blocks
    ]
    assert all(block.is_run or block.directives.display_only for block in lesson.blocks)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_code_hides_in_an_indented_block(page: Path) -> None:
    assert shown(page).select("pre:not([lang])") == []


def examples_in(file: Path) -> int:
    """How many examples there are, by parsers that have no part in collecting them."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        comments = [
            str(found) for found in shown(file).find_all(string=lambda text: isinstance(text, Comment))
        ]
        fences = shown(file).select("pre[lang=python]")
        return len(fences) - sum(comment.strip().startswith("display-only:") for comment in comments)
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = [ast.get_docstring(node) for node in ast.walk(ast.parse(text)) if isinstance(node, nodes)]
    return sum(len(doctest.DocTestParser().get_examples(each)) for each in docstrings if each)


class Collected:
    """A plugin that counts what pytest collects from each file."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.counts = Counter(item.path.relative_to(ROOT).as_posix() for item in session.items)


def test_pytest_collects_every_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    collected = Collected()
    paths = ["docs", "lessons_src", "README.md", "CONTRIBUTING.md"]
    # In this process, which has imported torch
    assert pytest.main(["--collect-only", "-p", "no:terminal", *paths], plugins=[collected]) == 0
    there = {file.relative_to(ROOT).as_posix(): examples_in(file) for file in [*PAGES, *MODULES]}
    assert collected.counts == {name: n for name, n in there.items() if n}


def test_the_lesson_that_the_readme_shows_is_a_lesson() -> None:
    example = shown(ROOT / "README.md").select("pre[lang=markdown]")[0].text
    lesson = parse_lesson(example, "docs/lessons/slope.md")
    assert [block.output is not None for block in lesson.blocks] == [True]
    assert check_lesson(lesson, run_lesson(lesson)) == []
