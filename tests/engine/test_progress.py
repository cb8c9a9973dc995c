"""A build says which lesson it waits for: in one line on a terminal, in a line for each lesson elsewhere."""

import io
import logging
import re
from pathlib import Path

import pytest
from lesson_helpers import block, result

from lessons_src.engine.caching import RunCache
from lessons_src.engine.lesson import Lesson, LessonRun
from lessons_src.engine.parsing import parse_lesson
from lessons_src.engine.progress import BuildRuns

LOG = logging.getLogger("test_progress")
LESSONS = [
    parse_lesson(block("1", "1"), "docs/one.md"),
    parse_lesson("# No block\n", "docs/none.md"),
    parse_lesson(block("2", "2"), "docs/two.md"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def build(directory: Path, lessons: list[Lesson]) -> list[LessonRun]:
    """The runs of `lessons`, which are kept in a cache."""
    cache = RunCache(directory / ".cache", directory, directory / "site")
    runs = BuildRuns(lessons, cache, LOG)
    found = [runs.result(lesson) for lesson in lessons]
    runs.stop()
    for lesson, run in zip(lessons, found, strict=True):
        cache.store(lesson, run)
    return found


def test_each_lesson_that_was_run_is_named_once_and_those_in_the_cache_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG.name)
    one, none, two = build(tmp_path, LESSONS)
    assert (result(one).shown, none.blocks, result(two).shown) == ("1", [], "2")
    assert [re.sub(r"\(\d+\.\d s\)", "(0.1 s)", message) for message in caplog.messages] == [
        "lessons: 2 to run, 0 unchanged since their last run",
        "lessons: 1 of 2 run: docs/one.md (0.1 s)",
        "lessons: 2 of 2 run: docs/two.md (0.1 s)",
    ]
    caplog.clear()
    third = parse_lesson(block("3"), "docs/three.md")
    build(tmp_path, [*LESSONS, third])
    assert len(caplog.messages) == 2
    assert caplog.messages[0] == "lessons: 1 to run, 2 unchanged since their last run"
    assert caplog.messages[1].startswith("lessons: 1 of 1 run: docs/three.md (")


def test_a_terminal_shows_the_lesson_that_runs_in_a_line_that_is_gone_afterwards(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, LOG.name)
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    build(tmp_path, LESSONS)
    assert len(caplog.messages) == 1
    assert terminal.getvalue().split("\r\033[K") == [
        "",
        "lessons: 1 of 2 runs: docs/one.md",
        "",
        "lessons: 2 of 2 runs: docs/two.md",
        "",
    ]


def test_a_quiet_build_says_nothing_on_a_terminal_either(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING, LOG.name)
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    build(tmp_path, LESSONS)
    assert (caplog.messages, terminal.getvalue()) == ([], "")
