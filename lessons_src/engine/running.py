"""Run a lesson in a fresh process, forked from a server that has imported torch: the one way to run a block.

The server imports what takes long, once, and does no tensor work. Each lesson's process starts as
a copy of the server, in milliseconds, and all that the lesson changed in it ends with it. That needs
a system that forks: Linux, macOS, or Linux under Windows.
"""

import contextlib
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any

from lessons_src.engine.lesson import Block, BlockRun, Lesson, LessonRun

TIME_LIMIT = 60.0
"""Seconds that a lesson may take."""

_START_LIMIT = 300.0  # Seconds until the first block starts: a cold disk takes its time to import torch.
_GRACE = 2.0  # Seconds that a process has to end by itself, before it is killed.


def prepare() -> None:
    """Start the server's imports and return at once; a run waits for them when it must."""
    forkserver.set_forkserver_preload(["lessons_src.engine.warmup"])
    forkserver.ensure_running()


def run_lesson(lesson: Lesson, time_limit: float = TIME_LIMIT) -> LessonRun:
    """Run the blocks of `lesson` in order, for `time_limit` seconds at most.

    A lesson that loops, exits or crashes gives a `LessonRun` too: its last block says so.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> run = run_lesson(parse_lesson("```python\\nprint(1)\\n2\\n```\\n", "two.md"))
    >>> run.blocks[0].shown
    '1\\n2'
    """
    return Run(lesson, time_limit).result()


def run_lessons(lessons: Sequence[Lesson], time_limit: float = TIME_LIMIT) -> list[LessonRun]:
    """Run `lessons` as `run_lesson` does, as many at a time as there are cores."""
    runs = BackgroundRuns(lessons, time_limit)
    try:
        return [future.result() for future in runs.results]
    finally:
        runs.stop()


class Run:
    """One run of a lesson: iterate over it to run the blocks, and get each `BlockRun` as its block ends.

    Another thread may `stop` the run: iteration then raises `CancelledError`.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> [block.shown for block in Run(parse_lesson("```python\\n1 + 1\\n```\\n", "two.md"))]
    ['2']
    """

    seconds = 0.0
    """How long the blocks that have ended took, without the start of the process."""

    def __init__(self, lesson: Lesson, time_limit: float = TIME_LIMIT) -> None:
        self._blocks = [block for block in lesson.blocks if block.is_run]
        self._time_limit = time_limit
        self._process: _Process | None = None
        self._is_stopped = False

    def __iter__(self) -> Generator[BlockRun, None, None]:
        if not self._blocks:
            return
        process = self._process = _Process()
        try:
            yield from self._follow(process)
        except (EOFError, BrokenPipeError):
            if self._is_stopped:
                raise CancelledError from None
            yield BlockRun(problem=f"the lesson's process {process.how_it_ended()} while this block ran")
        except TimeoutError:
            yield self._too_long(process)
        finally:
            self._process = None
            process.close()

    def result(self) -> LessonRun:
        """Run the lesson to its end."""
        runs = list(self)
        return LessonRun([*runs, *[None] * (len(self._blocks) - len(runs))])

    def stop(self) -> None:
        """End the run now, or keep it from starting. Any thread may call this, more than once."""
        # The thread that iterates sets the process before it reads the flag: one of the two sees the other.
        self._is_stopped = True
        if process := self._process:
            process.kill()

    def _follow(self, process: "_Process") -> Iterator[BlockRun]:
        if self._is_stopped:
            raise EOFError
        process.begin(self._blocks, self._time_limit)
        start = time.monotonic()
        is_last = False
        while not is_last:
            report, is_last = process.receive(start + self._time_limit)
            self.seconds = time.monotonic() - start
            yield BlockRun(**report)
        process.wait()

    def _too_long(self, process: "_Process") -> BlockRun:
        """Interrupt the lesson, for an exception that has a line; a lesson that ignores that gives none."""
        found = BlockRun(problem=f"the lesson was stopped: it took longer than {self._time_limit:g} s")
        process.send(signal.SIGINT)
        with contextlib.suppress(EOFError, TimeoutError):
            report, _ = process.receive(time.monotonic() + _GRACE)
            found.problem_line = report["error_line"]
        return found


class BackgroundRuns:
    """Run lessons while the caller does something else, as many at a time as there are cores.

    `runs` and `results` are in the order of the lessons; `results` has a future for each. Whoever
    makes this calls `stop`, also after an error: the program's end waits for what still runs.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> background = BackgroundRuns([parse_lesson("```python\\n1 + 1\\n```\\n", "two.md")])
    >>> background.results[0].result().blocks[0].shown
    '2'
    >>> background.stop()
    """

    def __init__(self, lessons: Sequence[Lesson], time_limit: float = TIME_LIMIT) -> None:
        self.runs = [Run(lesson, time_limit) for lesson in lessons]
        self._pool = ThreadPoolExecutor(os.cpu_count())
        self.results = [self._pool.submit(run.result) for run in self.runs]

    def stop(self) -> None:
        """End what still runs; the results of that raise `CancelledError`."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for run in self.runs:
            run.stop()
        self._pool.shutdown()


class _Process:
    """A process that the server forks: its start, what it reports, and its end.

    It is no `multiprocessing.Process`. That imports the program's main script in each new process, which
    takes 0.2 s for `mkdocs`, and a thread that starts one may take the exit status of another thread's.
    """

    def __init__(self) -> None:
        prepare()
        self._reports, sender = Pipe(duplex=False)
        # While this end is open here too, `receive` cannot see that the process has ended.
        with sender:
            self._status, job = forkserver.connect_to_new_process([sender.fileno()])
        self._job = os.fdopen(job, "wb")
        self._pid = forkserver.read_signed(self._status)
        self._directory = ""

    def begin(self, blocks: list[Block], time_limit: float) -> None:
        """Have the process run `blocks` in a new directory, and return when the first one starts."""
        self._directory = tempfile.mkdtemp(prefix="lesson-")
        with self._job:
            pickle.dump({"sys_path": [str(Path(path).absolute()) for path in sys.path]}, self._job)
            pickle.dump(_Job(blocks, self._directory, time_limit), self._job)
        self.receive(time.monotonic() + _START_LIMIT)

    def receive(self, deadline: float) -> Any:
        """Return the next report. Raise EOFError when there will be none, TimeoutError at the deadline."""
        ready = wait([self._reports, self._status], max(0, deadline - time.monotonic()))
        if self._reports in ready:
            return self._reports.recv()
        raise EOFError if ready else TimeoutError

    def wait(self) -> None:
        """Let the process end by itself, for a moment."""
        wait([self._status], _GRACE)

    def how_it_ended(self) -> str:
        self.wait()
        self.kill()
        code = forkserver.read_signed(self._status)
        if code < 0:
            return f"was ended by signal {-code} ({signal.strsignal(-code)})"
        return f"ended, with exit status {code},"

    def send(self, number: int) -> None:
        """Send a signal to the process and all that it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)  # it may not lead its group yet
        self.send(signal.SIGKILL)

    def close(self) -> None:
        """End the process with all that it has started, and remove its directory."""
        self.kill()
        wait([self._status])
        shutil.rmtree(self._directory, ignore_errors=True)
        self._job.close()
        self._reports.close()
        os.close(self._status)


@dataclass
class _Job:
    """What `multiprocessing.spawn` receives in the new process, and starts."""

    blocks: list[Block]
    directory: str
    time_limit: float

    def _bootstrap(self, parent_sentinel: int) -> None:
        # Here, in the lesson's process: this one has no use for IPython.
        from lessons_src.engine import worker

        sender = forkserver.get_inherited_fds()[0]  # type: ignore[index]
        worker.run_lesson(self.blocks, self.directory, self.time_limit, Connection(sender, readable=False))
