"""pytest collects lessons, the README and docstrings, and `--accept` stores what blocks show."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.document import Document, PythonDocStringDocument
from sybil.integration.pytest import SybilFile
from sybil.parsers.doctest import DocTestParser

from lessons_src.publishing.accepting import accept_outputs
from lessons_src.publishing.doctests import LessonParser
from lessons_src.publishing.parsing import LessonSyntaxError, read_lesson

_PARSER = pytest.StashKey[LessonParser]()
_EDITED = pytest.StashKey[set[Path]]()


class LessonFile(SybilFile):
    """A Markdown file; what keeps it from being a lesson reads as it does in the site's build."""

    def collect(self) -> Iterator[pytest.Item]:
        try:
            read_lesson(self.path, self.config.rootpath)
        except LessonSyntaxError as error:
            raise self.CollectError(str(error)) from None
        yield from super().collect()  # type: ignore[no-untyped-call]


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
    config.stash[_EDITED] = set()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    root = parent.config.rootpath
    if not file_path.is_relative_to(root):
        return None
    path = file_path.relative_to(root)
    kind: type[SybilFile]
    if path.suffix == ".md" and (path.parts[0] == "docs" or len(path.parts) == 1):
        kind, sybil = LessonFile, Sybil([parent.config.stash[_PARSER]], path=str(root))
    elif path.suffix == ".py" and path.parts[0] == "lessons_src":
        types: dict[str | None, type[Document]] = {".py": PythonDocStringDocument}
        kind, sybil = SybilFile, Sybil([DocTestParser()], document_types=types, path=str(root))
    else:
        return None
    collector: SybilFile = kind.from_parent(parent, path=file_path, sybils=[sybil])
    return collector


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what `--accept` collected, lesson by lesson; leave a lesson that was edited meanwhile."""
    parser = session.config.stash[_PARSER]
    for file, outputs in (parser.accepting or {}).items():
        try:
            lesson = read_lesson(file, session.config.rootpath)
            edited = any(block not in lesson.blocks for block in outputs)
        except (OSError, LessonSyntaxError):
            edited = True
        if edited:
            session.config.stash[_EDITED].add(file)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        else:
            file.write_bytes(accept_outputs(lesson, outputs).encode("utf-8"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    parser = config.stash[_PARSER]
    if parser.accepting is None:
        return
    terminalreporter.section("accepted outputs")
    for file, outputs in parser.accepting.items():
        name = file.relative_to(config.rootpath).as_posix()
        lines = ", ".join(str(block.line) for block in outputs)
        if file in config.stash[_EDITED]:
            terminalreporter.line(
                f"{name} was edited while it ran; nothing was written to it. Run --accept again"
            )
        else:
            terminalreporter.line(f"{name}: stored new outputs of the blocks at {lines}")
    if not parser.accepting:
        terminalreporter.line("nothing to change")
