"""The one way to run a lesson: in a fresh process, forked from a server that has imported torch.

The server imports what takes long, once, and does no tensor work; each lesson's process begins
where the server stands, in milliseconds, and ends with all that the lesson left in it. That
takes a system that forks: Linux, macOS, or Linux under Windows.
"""

import atexit
import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

from lessons_src.engine.lesson import BlockRun, Lesson, LessonRun

TIME_LIMIT = 60.0
"""Seconds that a lesson may take."""

_START_LIMIT = 300.0  # Seconds until the first block: a cold disk takes its time to import torch.
_GRACE = 2.0  # Seconds between asking a lesson to stop and stopping it.

_CONTEXT = multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Start the server's imports and return at once; a run waits for them when it must."""
    _CONTEXT.set_forkserver_preload(["lessons_src.engine.warmup"])
    forkserver.ensure_running()


def run_lesson(lesson: Lesson, time_limit: float = TIME_LIMIT) -> LessonRun:
    """Run the blocks of `lesson` in order, in a process of its own, for `time_limit` seconds at most.

    Whatever the lesson does, this returns: a lesson that loops, exits or is killed is a
    `LessonRun` whose last block says so.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> run = run_lesson(parse_lesson("```python\\nprint(1)\\n2\\n```\\n", "two.md"))
    >>> run.blocks[0].shown
    '1\\n2'
    """
    return run_lessons([lesson], time_limit)[0]


def run_lessons(lessons: Sequence[Lesson], time_limit: float = TIME_LIMIT) -> list[LessonRun]:
    """Run `lessons` as `run_lesson` does, as many at a time as there are cores."""
    runs = [_Run(lesson, time_limit) for lesson in lessons]
    _run_all(runs)
    return [run.result.result() for run in runs]


class BackgroundRuns:
    """Lessons that run while the caller does something else: as `run_lessons` does it, in a thread.

    `results` has a future for each of them, in their order. An error that keeps lessons from being
    run is raised by the futures. `stop` ends what still runs, and cancels the futures of that; the
    program's end stops it too.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> runs = BackgroundRuns([parse_lesson("```python\\n1 + 1\\n```\\n", "two.md")])
    >>> runs.results[0].result().blocks[0].shown
    '2'
    >>> runs.stop()
    """

    def __init__(self, lessons: Sequence[Lesson], time_limit: float = TIME_LIMIT) -> None:
        runs = [_Run(lesson, time_limit) for lesson in lessons]
        self.results = [run.result for run in runs]
        stop, self._stop = _CONTEXT.Pipe(duplex=False)
        # Not waited for when the program ends, in an error or by Ctrl-C, but stopped.
        self._thread = threading.Thread(target=self._work, args=(runs, stop), daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        self._stop.close()
        self._thread.join()
        atexit.unregister(self.stop)

    def _work(self, runs: "Sequence[_Run]", stop: Connection) -> None:
        try:
            _run_all(runs, stop)
        except Exception as error:  # noqa: BLE001  # it is raised where a result is asked for
            for future in self._without_result():
                future.set_exception(error)
        for future in self._without_result():
            future.cancel()

    def _without_result(self) -> list[Future[LessonRun]]:
        return [future for future in self.results if not future.done()]


def _run_all(runs: "Sequence[_Run]", stop: Connection | None = None) -> None:
    """Bring all `runs` to their results, or end them when the far end of `stop` is closed."""
    prepare()
    waiting = deque(run for run in runs if not run.result.done())
    active: list[_Run] = []
    try:
        while waiting or active:
            while waiting and len(active) < (os.cpu_count() or 1):
                run = waiting.popleft()
                run.start()
                active.append(run)
            ready = _wait(active, stop)
            if stop in ready:
                break
            for run in active:
                run.advance(ready)
            active = [run for run in active if not run.result.done()]
    finally:
        for run in active:
            run.stop(patience=0)


def _wait(active: "list[_Run]", stop: Connection | None) -> list[Any]:
    """Wait until something happens to one of the runs; return what is ready."""
    handles = [handle for run in active for handle in run.handles]
    nearest = min((run.deadline for run in active), default=0.0)
    return wait([*handles, stop] if stop else handles, timeout=max(0, nearest - time.monotonic()))


class _Run:
    """One lesson's process, from its start to its end, and what it has reported; at last, its `result`."""

    def __init__(self, lesson: Lesson, time_limit: float) -> None:
        self.blocks = [block for block in lesson.blocks if block.is_run]
        self.time_limit = time_limit
        self.result: Future[LessonRun] = Future()
        self.deadline = 0.0
        self._found: list[BlockRun | None] = [None] * len(self.blocks)
        self._begun = False
        self._interrupted = False
        self._done = False
        if not self.blocks:
            self.result.set_result(LessonRun([]))

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
        exited = self.stop(patience=0 if self._interrupted else _GRACE)
        if not self._done and None in self._found:
            self._found[self._found.index(None)] = BlockRun(problem=self._how_it_ended(exited))
        self.result.set_result(LessonRun(self._found))

    def stop(self, patience: float) -> bool:
        """End the process and all that it started; whether it ended by itself within `patience` seconds."""
        self._process.join(patience)
        exited = self._process.exitcode is not None
        _signal(self._process, signal.SIGKILL)
        self._process.kill()  # it may not lead its group yet
        self._process.join()
        self._reports.close()
        shutil.rmtree(self._directory, ignore_errors=True)
        return exited

    def _take(self, message: tuple[Any, ...] | None) -> None:
        match message:
            case ("begin", int()):
                if not self._begun:
                    self.deadline = time.monotonic() + self.time_limit
                self._begun = True
            case ("end", int(index), dict(result)):
                self._found[index] = self._judge(BlockRun(**result))
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
    from lessons_src.engine import worker

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
