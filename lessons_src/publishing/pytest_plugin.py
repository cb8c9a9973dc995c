"""pytest collects lessons, the README and docstrings, and `--accept` stores what blocks show."""

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.integration.pytest import SybilFile
from sybil.parsers.doctest import DocTestParser

from lessons_src.publishing.accepting import accept_outputs
from lessons_src.publishing.doctests import LessonParser
from lessons_src.publishing.parsing import read_lesson

_PARSER = pytest.StashKey[LessonParser]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("lessons").addoption(
        "--accept",
        action="store_true",
        help="store what the blocks of the chosen lessons show, in place of their stored outputs",
    )


def pytest_configure(config: pytest.Config) -> None:
    parser = LessonParser(config.rootpath)
    if config.getoption("--accept"):
        parser.accepting = {}
    config.stash[_PARSER] = parser


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    root = parent.config.rootpath
    if not file_path.is_relative_to(root):
        return None
    path = file_path.relative_to(root)
    if path.suffix == ".md" and (path.parts[0] == "docs" or len(path.parts) == 1):
        sybil = Sybil([parent.config.stash[_PARSER]], path=str(root))
    elif path.suffix == ".py" and path.parts[0] == "lessons_src":
        sybil = Sybil([DocTestParser()], document_types={".py": PythonDocStringDocument}, path=str(root))
    else:
        return None
    collector: SybilFile = SybilFile.from_parent(parent, path=file_path, sybils=[sybil])
    return collector


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what `--accept` collected, lesson by lesson."""
    parser = session.config.stash[_PARSER]
    for file, outputs in (parser.accepting or {}).items():
        lesson = read_lesson(file, session.config.rootpath)
        missing = [block for block in outputs if block not in lesson.blocks]
        if missing:
            raise pytest.UsageError(
                f"{lesson.path} was edited while it ran; nothing was written to it. Run --accept again"
            )
        file.write_bytes(accept_outputs(lesson, outputs).encode("utf-8"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    parser = config.stash[_PARSER]
    if parser.accepting is None:
        return
    terminalreporter.section("accepted outputs")
    for file, outputs in parser.accepting.items():
        lines = ", ".join(str(block.line) for block in outputs)
        terminalreporter.line(f"{file.relative_to(config.rootpath)}: stored new outputs of the blocks at {lines}")
    if not parser.accepting:
        terminalreporter.line("nothing to change")
