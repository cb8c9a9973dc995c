"""The one way to run a lesson: in a fresh process, forked from a server that has imported torch.

The server imports what takes long, once, and does no tensor work; each lesson's process begins
where the server stands, in milliseconds, and ends with all that the lesson left in it. That
takes a system that forks: Linux, macOS, or Linux under Windows.
"""

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

from lessons_src.publishing.lesson import Block, Lesson
from lessons_src.publishing.results import BlockRun, LessonRun

TIME_LIMIT = 60.0
"""Seconds that a lesson may take."""

_START_LIMIT = 300.0  # Seconds until the first block: a cold disk takes its time to import torch.
_GRACE = 2.0  # Seconds between asking a lesson to stop and stopping it.

_CONTEXT = multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Start the server's imports and return at once; a run waits for them when it must."""
    _CONTEXT.set_forkserver_preload(["lessons_src.publishing.warmup"])
    forkserver.ensure_running()


def run_lesson(lesson: Lesson, time_limit: float = TIME_LIMIT) -> LessonRun:
    """Run the blocks of `lesson` in order, in a process of its own, for `time_limit` seconds at most.

    Whatever the lesson does, this returns: a lesson that loops, exits or is killed is a
    `LessonRun` whose last block says so.

    >>> from lessons_src.publishing.parsing import parse_lesson
    >>> run = run_lesson(parse_lesson("```python\\nprint(1)\\n2\\n```\\n", "two.md"))
    >>> run.blocks[0].shown
    '1\\n2'
    """
    return run_lessons([lesson], time_limit)[0]


def run_lessons(lessons: Sequence[Lesson], time_limit: float = TIME_LIMIT) -> list[LessonRun]:
    """Run `lessons` as `run_lesson` does, as many at a time as there are cores."""
    prepare()
    runs = [_Run([block for block in lesson.blocks if block.is_run], time_limit) for lesson in lessons]
    waiting = deque(run for run in runs if run.blocks)
    active: list[_Run] = []
    try:
        while waiting or active:
            while waiting and len(active) < (os.cpu_count() or 1):
                run = waiting.popleft()
                run.start()
                active.append(run)
            active = _advance(active)
    finally:
        for run in active:
            run.end()
    return [LessonRun(run.results) for run in runs]


def _advance(active: "list[_Run]") -> "list[_Run]":
    """Wait until something happens to one of the runs; return those that go on."""
    handles = [handle for run in active for handle in run.handles]
    nearest = min(run.deadline for run in active)
    ready = wait(handles, timeout=max(0, nearest - time.monotonic()))
    for run in active:
        run.advance(ready)
    return [run for run in active if not run.ended]


class _Run:
    """One lesson's process, from its start to its end, and the results that it has reported."""

    def __init__(self, blocks: list[Block], time_limit: float) -> None:
        self.blocks = blocks
        self.time_limit = time_limit
        self.results: list[BlockRun | None] = [None] * len(blocks)
        self.deadline = 0.0
        self.ended = False
        self._begun = False
        self._interrupted = False
        self._done = False

    def start(self) -> None:
        self._directory = tempfile.mkdtemp(prefix="lesson-")
        self._reports, sender = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(
            target=_work, args=(self.blocks, self._directory, self.time_limit, sender)
        )
        with _no_main_module():
            _start(self._process)
        # With this end open here as well, a process that dies would never be seen to.
        sender.close()
        self.handles: list[Any] = [self._reports, self._process.sentinel]
        self.deadline = time.monotonic() + _START_LIMIT

    def advance(self, ready: Sequence[object]) -> None:
        """Take in what has become `ready`, and look at the clock."""
        if self._reports in ready:
            self._take(_receive(self._reports))
        elif self._process.sentinel in ready:
            self.end()
        elif time.monotonic() >= self.deadline:
            self._interrupt()

    def end(self) -> None:
        """Stop the process, and say of the block that it has not reported, if any, how it ended."""
        exited = _stop(self._process, patience=0 if self._interrupted else _GRACE)
        self._reports.close()
        shutil.rmtree(self._directory, ignore_errors=True)
        self.ended = True
        if not self._done and None in self.results:
            self.results[self.results.index(None)] = BlockRun(problem=self._how_it_ended(exited))

    def _take(self, message: tuple[Any, ...] | None) -> None:
        match message:
            case ("begin", int()):
                if not self._begun:
                    self.deadline = time.monotonic() + self.time_limit
                self._begun = True
            case ("end", int(index), dict(result)):
                self.results[index] = self._judge(BlockRun(**result))
                if self._interrupted:
                    self._done = True
                    self.end()
            case _:
                self._done = message is not None
                self.end()

    def _interrupt(self) -> None:
        """Ask for a traceback with a line, once; stop what ignores that."""
        if self._interrupted:
            self.end()
        else:
            self._interrupted = True
            self.deadline = time.monotonic() + _GRACE
            _signal(self._process, signal.SIGINT)

    def _judge(self, result: BlockRun) -> BlockRun:
        if self._interrupted:
            return BlockRun(problem=self._too_long(), problem_line=result.error_line)
        return result

    def _too_long(self) -> str:
        return f"the lesson was stopped: it took longer than {self.time_limit:g} s"

    def _how_it_ended(self, exited: bool) -> str:
        code = self._process.exitcode
        if self._interrupted:
            return self._too_long()
        if not exited:
            return "this block closed the pipe through which its results are reported"
        if code is not None and code < 0:
            end = f"was ended by signal {-code} ({signal.strsignal(-code)})"
        else:
            end = f"ended, with exit status {code},"
        return f"the lesson's process {end} while this block ran"


def _work(*args: Any) -> None:
    # Here, in the lesson's process: this one has no use for IPython.
    from lessons_src.publishing import worker

    worker.run_lesson(*args)


def _start(process: BaseProcess) -> None:
    try:
        process.start()
    except (EOFError, ConnectionError):
        # A lesson has killed the server, a moment ago. Once that is gone, another one takes its place.
        time.sleep(1)
        process.start()


def _receive(reports: Connection) -> tuple[Any, ...] | None:
    """The next report; None when there will be no more."""
    try:
        message: tuple[Any, ...] = reports.recv()
    except (EOFError, OSError):
        return None
    return message


def _stop(process: BaseProcess, patience: float) -> bool:
    """End the process and everything it started; whether it ended by itself within `patience` seconds."""
    process.join(patience)
    exited = process.exitcode is not None
    _signal(process, signal.SIGKILL)
    process.join()
    return exited


def _signal(process: BaseProcess, number: signal.Signals) -> None:
    # The process leads a group of its own once it runs.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid or 0, number)


@contextlib.contextmanager
def _no_main_module() -> Iterator[None]:
    """Hide the program's main script from multiprocessing while a process starts.

    It would import that script anew in every lesson's process: 0.2 s of `mkdocs` or `pytest`
    that no lesson needs.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
