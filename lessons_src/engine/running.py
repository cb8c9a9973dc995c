"""Run a lesson in a fresh process, forked from a server that has imported torch: the one way to run a block.

The server does the slow imports once, and no tensor work. Each lesson's process starts as a copy of
the server, in milliseconds, and everything that the lesson changes in it ends with it. This needs a
system that can fork: Linux, macOS, or Linux under Windows.
"""

import contextlib
import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any

from lessons_src.engine.lesson import Block, BlockRun, Lesson, LessonRun
from lessons_src.engine.shown import MAX_SHOWN, SHOWN, WRITTEN, read_shown

_HASH_SEED_LOCK = threading.Lock()

_START_LIMIT = 300.0  # Seconds until the first block starts: importing torch from a cold disk is slow.
_LAST_LINES = 3
_GRACE = 2.0  # Seconds until a process that does not end by itself is killed.


def prepare() -> None:
    """Start the server's imports and return at once; a run waits for them if necessary."""
    forkserver.set_forkserver_preload(["lessons_src.engine.warmup"])
    # With this seed, sets of strings have the same order in every run. Python reads it when it starts.
    with _HASH_SEED_LOCK:
        before = {name: value for name, value in os.environ.items() if name == "PYTHONHASHSEED"}
        os.environ["PYTHONHASHSEED"] = "0"
        try:
            forkserver.ensure_running()
        finally:
            del os.environ["PYTHONHASHSEED"]
            os.environ.update(before)


def interrupt_when_ended(*others: signal.Signals) -> None:
    """Have what ends this program from outside interrupt it, as Ctrl-C does, so that it ends its lessons.

    Only once: a second signal, which may come at the same moment, would interrupt that. `others` are further
    signals of which a second one is ignored.

    >>> interrupt_when_ended()
    >>> try:
    ...     signal.raise_signal(signal.SIGTERM)
    ... except KeyboardInterrupt:
    ...     signal.raise_signal(signal.SIGTERM)
    >>> signal.signal(signal.SIGTERM, signal.SIG_DFL) is signal.SIG_IGN
    True
    """

    def interrupt(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP, *others):
        if signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
            signal.signal(number, interrupt)


def run_lesson(lesson: Lesson) -> LessonRun:
    """Run the blocks of `lesson` in order, for its time limit at most.

    A lesson that loops, exits or crashes gives a `LessonRun` too: its last block says so.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> run = run_lesson(parse_lesson("```python\\nprint(1)\\n2\\n```\\n", "two.md"))
    >>> run.blocks[0].shown
    '1\\n2'
    """
    return Run(lesson).result()


class _StartError(Exception):
    """The fork server has not finished its imports in time."""


class Run:
    """One run of a lesson: iterate over it to run the blocks, and get each `BlockRun` as its block ends.

    The first `unseen` blocks draw no pictures, which take half the time of some lessons. Another thread may
    `stop` the run: iteration then raises `CancelledError`.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> [block.shown for block in Run(parse_lesson("```python\\n1 + 1\\n```\\n", "two.md"))]
    ['2']
    """

    seconds = 0.0
    """How long the blocks that have ended took, without the start of the process."""

    def __init__(self, lesson: Lesson, unseen: int = 0) -> None:
        self._blocks = [block for block in lesson.blocks if block.is_run]
        self._unseen = unseen
        self._time_limit = lesson.time_limit
        self._process: _Process | None = None
        self._is_stopped = False
        self._shown_before = 0

    def __iter__(self) -> Generator[BlockRun, None, None]:
        if not self._blocks:
            return
        process = self._process = _start()
        try:
            yield from self._follow(process)
        except (EOFError, BrokenPipeError):
            if self._is_stopped:
                raise CancelledError from None
            yield self._unfinished(process, f"the lesson's process {process.how_it_ended()}")
        except _StartError as error:
            yield BlockRun(problem=str(error))
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
        # The iterating thread sets the process before it reads the flag, so one of the threads ends the run.
        self._is_stopped = True
        if process := self._process:
            process.kill()

    def shown_so_far(self) -> str:
        """Return what the block that runs now has printed. Any thread may call this."""
        process = self._process
        return process.shown(self._shown_before)[0] if process else ""

    def _follow(self, process: "_Process") -> Iterator[BlockRun]:
        if self._is_stopped:
            raise EOFError
        start = process.begin(self._blocks, self._unseen, self._time_limit)
        is_last = False
        while not is_last:
            report, self._shown_before, is_last = process.receive(start + self._time_limit)
            self.seconds = time.monotonic() - start
            yield BlockRun(**report)
        process.wait()

    def _too_long(self, process: "_Process") -> BlockRun:
        """Interrupt the lesson, so that its exception gives a line; a lesson may ignore that."""
        found = self._unfinished(
            process,
            f"the lesson was stopped: it took longer than {self._time_limit:g} s; shorten it, or "
            "allow more seconds in the front matter of its file: `time-limit: …`",
        )
        process.send(signal.SIGINT)
        with contextlib.suppress(EOFError, TimeoutError):
            report, *_ = process.receive(time.monotonic() + _GRACE)
            found.problem_line = report["error_line"]
        return found

    def _unfinished(self, process: "_Process", problem: str) -> BlockRun:
        text, pieces = process.shown(self._shown_before)
        return BlockRun(shown=text, shown_by=pieces, problem=problem, ended=False)


class BackgroundRuns:
    """Run lessons while the caller does something else, as many at a time as there are cores.

    `runs` and `results` are in the order of the lessons; `results` has a future for each. Call `stop`
    at the end, also after an error: Python does not exit before every run has ended.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> background = BackgroundRuns([parse_lesson("```python\\n1 + 1\\n```\\n", "two.md")])
    >>> background.results[0].result().blocks[0].shown
    '2'
    >>> background.stop()
    """

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        self.runs = [Run(lesson) for lesson in lessons]
        self._pool = ThreadPoolExecutor(os.cpu_count())
        self.results = [self._pool.submit(run.result) for run in self.runs]

    def stop(self) -> None:
        """End the runs that have not finished; their results raise `CancelledError`."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for run in self.runs:
            run.stop()
        self._pool.shutdown()


def _start() -> "_Process":
    try:
        return _Process()
    except (EOFError, ConnectionError):
        # The server was killed a moment ago. As soon as it is gone, another one takes its place.
        time.sleep(1)
        return _Process()


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
        try:
            self._pid = forkserver.read_signed(self._status)
        except EOFError:
            os.close(self._status)
            os.close(job)
            raise
        self._job = os.fdopen(job, "wb")
        self._directory: Path | None = None  # until it begins
        self._seen: tuple[tuple[int, int], tuple[str, list[tuple[int, int]]]] = (0, 0), ("", [])

    def begin(self, blocks: list[Block], unseen: int, time_limit: float) -> float:
        """Have the process run `blocks` in a new directory, and return when the first one started."""
        self._directory = Path(tempfile.mkdtemp(prefix="lesson-"))
        (self._directory / WRITTEN).touch()
        with self._job:
            pickle.dump({"sys_path": [str(Path(path).absolute()) for path in sys.path]}, self._job)
            pickle.dump(_Job(blocks, unseen, self._directory, time_limit), self._job)
        try:
            return float(self.receive(time.monotonic() + _START_LIMIT))
        except TimeoutError:
            raise _StartError(
                f"PyTorch was not imported within {_START_LIMIT:g} s, so no block has run: is the disk or "
                "the machine busy? Try again"
            ) from None

    def receive(self, deadline: float) -> Any:
        """Return the next report. Raise EOFError if there is none left, TimeoutError at the deadline."""
        ready = wait([self._reports, self._status], max(0, deadline - time.monotonic()))
        if self._reports in ready:
            try:
                return self._reports.recv()
            except OSError:  # the process ended in the middle of a report
                raise EOFError from None
        raise EOFError if ready else TimeoutError

    def wait(self) -> None:
        """Wait a moment for the process to end by itself."""
        wait([self._status], _GRACE)

    def shown(self, start: int) -> tuple[str, list[tuple[int, int]]]:
        """Return what was printed since the file of what is shown had `start` bytes."""
        if self._directory is None:
            return "", []
        try:
            with (self._directory / SHOWN).open("rb") as file:
                place = start, os.fstat(file.fileno()).st_size
                if place != self._seen[0]:
                    text, pieces, _ = read_shown(file.fileno(), start)
                    self._seen = place, (text[:MAX_SHOWN], pieces)
        except OSError:  # no block has started, or the run is over
            return "", []
        return self._seen[1]

    def how_it_ended(self) -> str:
        self.wait()
        self.kill()
        try:
            code = forkserver.read_signed(self._status)
        except EOFError:  # a lesson, or a system without memory, killed the server
            return "ended with the server that it was forked from while this block ran"
        if code < 0:
            how = f"was ended by signal {-code} ({signal.strsignal(-code)}) while this block ran"
        else:
            how = f"ended, with exit status {code}, while this block ran"
        written = ""
        with contextlib.suppress(OSError):  # the lesson has deleted it
            written = Path(self._directory or "", WRITTEN).read_text(encoding="utf-8", errors="replace")
        last = written.rstrip().splitlines()[-_LAST_LINES:]
        return how + (f"; the last that it wrote is {chr(10).join(last)!r}" if last else "")

    def send(self, number: int) -> None:
        """Send a signal to the process and all that it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)  # it may not lead a process group yet
        self.send(signal.SIGKILL)

    def close(self) -> None:
        """End the process with all that it has started, and remove its directory."""
        self.kill()
        wait([self._status])
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._job.close()
        self._reports.close()
        os.close(self._status)


@dataclass
class _Job:
    """The object that `multiprocessing.spawn` unpickles and starts in the new process."""

    blocks: list[Block]
    unseen: int
    directory: Path
    time_limit: float

    def _bootstrap(self, parent_sentinel: int) -> None:
        # Imported here, in the lesson's process, because the parent does not need IPython.
        from lessons_src.engine import worker

        sender = forkserver.get_inherited_fds()[0]  # type: ignore[index]
        reports = Connection(sender, readable=False)
        worker.run_lesson(self.blocks, self.unseen, self.directory, self.time_limit, reports)
