"""pytest collects lessons, the README and docstrings by way of Sybil; `--accept` stores what blocks show."""

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import sybil
from sybil import Sybil
from sybil.document import Document, PythonDocStringDocument
from sybil.example import SybilFailure
from sybil.integration.pytest import SybilFile
from sybil.parsers.doctest import DocTestParser

from lessons_src.engine.accepting import accept_outputs
from lessons_src.engine.failures import Failure, check_block, check_lesson, expected_output
from lessons_src.engine.lesson import Block, Lesson
from lessons_src.engine.parsing import LessonSyntaxError, read_lesson
from lessons_src.engine.running import run_lesson


class LessonFailure(SybilFailure):
    """A block's failures, in the words that the site's build uses."""

    def __init__(self, example: sybil.Example, failures: list[Failure]) -> None:
        AssertionError.__init__(self, "\n".join(str(failure) for failure in failures))
        self.example = example
        self.failures = failures


class LessonParser:
    """A Sybil parser that finds the blocks of a lesson; the lesson is run when a block is first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.accepting: dict[Path, dict[Block, str]] | None = None
        """With `--accept`: the outputs to store, by lesson."""

    def __call__(self, document: sybil.Document) -> Iterator[sybil.Region]:
        lesson = read_lesson(Path(document.path), self.root)
        starts = [0, *accumulate(_length_in_document(line) for line in lesson.lines)]
        checked = _CheckedLesson(lesson)
        for index, block in enumerate(block for block in lesson.blocks if block.is_run):
            start, end = starts[block.fence.start], starts[block.fence.end]
            yield sybil.Region(start, end, (checked, block, index), self._evaluate)

    def _evaluate(self, example: sybil.Example) -> None:
        checked, block, index = example.parsed
        failures = checked.failures(block, index)
        if self.accepting is not None and failures and all(f.can_accept for f in failures):
            outputs = self.accepting.setdefault(Path(example.path), {})
            outputs[block] = expected_output(block, checked.run.blocks[index])
        elif failures:
            raise LessonFailure(example, failures)


class _CheckedLesson:
    """A lesson that is run once, when one of its blocks is first looked at."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self._run: Any = None

    @property
    def run(self) -> Any:
        if self._run is None:
            self._run = run_lesson(self.lesson)
        return self._run

    def failures(self, block: Block, index: int) -> list[Failure]:
        result = self.run.blocks[index]
        if result is not None:
            return check_block(self.lesson, block, result)
        first = check_lesson(self.lesson, self.run)[-1]
        return [Failure(self.lesson.path, block.line, f"not run, because of line {first.line}")]


def _length_in_document(line: str) -> int:
    # Sybil reads a file with its line ends translated.
    return len(line.rstrip("\r\n")) + line.endswith(("\r", "\n"))


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
