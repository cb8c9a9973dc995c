"""Collect lessons, the README and docstrings with Sybil; `--accept` stores what blocks show."""

import re
from collections.abc import Iterator
from functools import cached_property, partial
from itertools import accumulate
from pathlib import Path

import pytest
import sybil
from sybil import Sybil
from sybil.document import Document, PythonDocStringDocument
from sybil.example import SybilFailure
from sybil.integration.pytest import SybilFile
from sybil.parsers.doctest import DocTestParser

from lessons_src.engine.accepting import accept_outputs, output_to_store
from lessons_src.engine.failures import Failure, check_block, check_lesson, shown_output
from lessons_src.engine.lesson import Block, Lesson, LessonRun
from lessons_src.engine.page import finish_page, page_html, render_page
from lessons_src.engine.parsing import LessonSyntaxError, read_lesson
from lessons_src.engine.running import interrupt_when_ended, run_lesson

# Two strings or more in braces, and no colon
_SET = re.compile(r"""\{('[^'\n]*'|"[^"\n]*"), ['"]""")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("lessons").addoption(
        "--accept",
        action="store_true",
        help="store what the blocks of the chosen lessons show, in place of their stored outputs",
    )


def pytest_configure(config: pytest.Config) -> None:
    interrupt_when_ended()
    config.addinivalue_line("markers", "lesson: a block of a lesson")
    if config.getoption("--accept"):
        # A file that is no lesson keeps no other from being accepted.
        config.option.continue_on_collection_errors = True
        config.stash[_ACCEPTED] = accepted = AcceptedOutputs(config.rootpath)
        config.pluginmanager.register(accepted)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    root = parent.config.rootpath
    if not file_path.is_relative_to(root):
        return None
    path = file_path.relative_to(root)
    kind: type[SybilFile]
    if path.suffix == ".md" and (path.parts[0] == "docs" or len(path.parts) == 1):
        blocks = partial(_blocks, root, parent.config.stash.get(_ACCEPTED, None))
        kind, sybil = LessonFile, Sybil([blocks], path=str(root))
    elif path.suffix == ".py" and path.parts[0] == "lessons_src":
        types: dict[str | None, type[Document]] = {".py": PythonDocStringDocument}
        kind, sybil = SybilFile, Sybil([DocTestParser()], document_types=types, path=str(root))
    else:
        return None
    collector: SybilFile = kind.from_parent(parent, path=file_path, sybils=[sybil])
    return collector


class LessonFile(SybilFile):
    """A Markdown file; its syntax errors have the messages of the site's build."""

    def collect(self) -> Iterator[pytest.Item]:
        try:
            lesson = read_lesson(self.path, self.config.rootpath)
        except LessonSyntaxError as error:
            raise self.CollectError(str(error)) from None
        page = render_page(lesson)
        _, failures = finish_page(lesson, page, page_html(page))
        if failures:
            raise self.CollectError("\n".join(map(str, failures)))
        for item in super().collect():  # type: ignore[no-untyped-call]
            item.add_marker("lesson")
            yield item


class LessonFailure(SybilFailure):
    """A block's failures, with the messages of the site's build."""

    def __init__(self, example: sybil.Example, failures: list[Failure]) -> None:
        AssertionError.__init__(self, "\n".join(str(failure) for failure in failures))
        self.example = example
        self.failures = failures


class AcceptedOutputs:
    """What `--accept` collects while blocks are tested and writes at the end: a pytest plugin of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._outputs: dict[Path, dict[Block, str]] = {}
        self._edited: set[Path] = set()

    def add(self, file: Path, block: Block, output: str) -> None:
        self._outputs.setdefault(file, {})[block] = output

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the outputs, lesson by lesson; skip a lesson that was edited meanwhile."""
        for file, outputs in self._outputs.items():
            try:
                lesson = read_lesson(file, self.root)
                edited = any(block not in lesson.blocks for block in outputs)
            except (OSError, LessonSyntaxError):
                edited = True
            if edited:
                self._edited.add(file)
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            else:
                file.write_bytes(accept_outputs(lesson, outputs).encode("utf-8"))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("accepted outputs")
        for file, outputs in self._outputs.items():
            name = file.relative_to(self.root).as_posix()
            lines = ", ".join(str(block.line) for block in outputs)
            terminalreporter.line(
                f"{name} was edited while it ran; nothing was written to it. Run --accept again"
                if file in self._edited
                else f"{name}: stored new outputs of the blocks at {lines}"
            )
            if sets := [str(block.line) for block, output in outputs.items() if _SET.search(output)]:
                terminalreporter.line(
                    f"{name}: in a reader's own Python, the set printed at {', '.join(sets)} has another "
                    "order; print it sorted"
                )
            if lost := [str(block.line) for block, output in outputs.items() if _loses_dots(block, output)]:
                terminalreporter.line(
                    f"{name}: the output at {', '.join(lost)} has lost a `...`; put it back"
                )
        if not self._outputs:
            terminalreporter.line("nothing to change")


def _loses_dots(block: Block, output: str) -> bool:
    before = block.output.text if block.output and block.directives.ellipsis else ""
    return output.count("...") < before.count("...")


_ACCEPTED = pytest.StashKey[AcceptedOutputs]()


def _blocks(root: Path, accepted: AcceptedOutputs | None, document: Document) -> Iterator[sybil.Region]:
    """Find the blocks of a lesson, as a parser of Sybil does."""
    lesson = read_lesson(Path(document.path), root)
    starts = [0, *accumulate(_length_in_document(line) for line in lesson.lines)]
    tests = _LessonTests(lesson, accepted)
    for index, block in enumerate(block for block in lesson.blocks if block.is_run):
        start, end = starts[block.fence.start], starts[block.fence.end]
        yield sybil.Region(start, end, (index, block), tests.evaluate)


def _length_in_document(line: str) -> int:
    # Sybil reads a file with its line ends translated.
    return len(line.rstrip("\r\n")) + line.endswith(("\r", "\n"))


class _LessonTests:
    """The tests of one lesson, which runs once, at its first test."""

    def __init__(self, lesson: Lesson, accepted: AcceptedOutputs | None) -> None:
        self.lesson = lesson
        self.accepted = accepted

    @cached_property
    def run(self) -> LessonRun:
        return run_lesson(self.lesson)

    def evaluate(self, example: sybil.Example) -> None:
        index, block = example.parsed
        result = self.run.blocks[index]
        if result is None:
            last = check_lesson(self.lesson, self.run)[-1]
            problem = f"not run, because of line {last.line}"
            raise LessonFailure(example, [Failure(self.lesson.path, block.line, problem)])
        failures = check_block(self.lesson, block, result)
        if self.accepted and failures and all(failure.can_accept for failure in failures):
            output = output_to_store(block, shown_output(block, result))
            self.accepted.add(Path(example.path), block, output)
        elif failures:
            raise LessonFailure(example, failures)
