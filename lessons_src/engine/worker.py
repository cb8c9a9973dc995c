"""Run the blocks of a lesson in its own process, and report what each showed.

The fork server imports this before there is a lesson, so code at module level must not make a tensor,
draw, or depend on the lesson.
"""

import contextlib
import faulthandler
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import time
from dataclasses import asdict
from io import BufferedRandom
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from lessons_src.engine import figures
from lessons_src.engine.lesson import Block, BlockRun
from lessons_src.engine.shell import LessonShell, lesson_shell
from lessons_src.engine.shown import MAX_SHOWN, SHOWN, WRITTEN, OutputTooLongError, Shown

SEED = 0

_MAX_FILE = 2**28  # Bytes

_CURES = {
    "\r": "print whole lines; `tqdm` takes `disable=True`",
    "\x1b": "print without colours",
}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff]")


def run_lesson(
    blocks: list[Block], unseen: int, directory: Path, time_limit: float, reports: Connection
) -> NoReturn:
    """Run `blocks` in order, in a folder of `directory`; the first `unseen` draw no pictures.

    Report each result, the byte of the file `SHOWN` at which the next block's output starts, and whether it
    is the last.

    A block that raises unexpectedly is the last, because later blocks may depend on it.
    """
    _become_independent(time_limit)
    work = directory / "work"
    work.mkdir()
    os.chdir(work)
    os.environ["IPYTHONDIR"] = str(directory)
    os.environ.pop("PYTHONHASHSEED", None)  # that of the server; a Python that the lesson starts has its own
    # Only a process that is forked from this one has what a block defines.
    multiprocessing.set_start_method("fork", force=True)
    _forget_project_modules()
    _seed()
    # A page does not show what C code or subprocesses write.
    written = (directory / WRITTEN).open("r+b")
    for descriptor in (1, 2):
        os.dup2(written.fileno(), descriptor)
    shell = lesson_shell()
    # What a lesson keeps in IPython's folder ends with the lesson.
    shell.init_ipython_dir(str(directory))  # type: ignore[no-untyped-call]
    shell.init_profile_dir(None)  # type: ignore[no-untyped-call]
    shell.shown = Shown(directory / SHOWN, lambda: shell.line_of_frame(sys._getframe()))
    reports.send(time.monotonic())
    for number, block in enumerate(blocks):
        draws = number >= unseen
        figures.set_drawing(shell, on=draws)
        result = _run_block(shell, block, written, draws)
        failed = not result.ended or bool(result.error and not block.directives.raises)
        reports.send((asdict(result), shell.shown.start, failed or block is blocks[-1]))
        if failed:
            break
    # At once: do not wait for the lesson's threads, and do not free a graph that may be too deep for that.
    os._exit(0)


def _become_independent(time_limit: float) -> None:
    # With a session of its own, the lesson can be ended together with all that it started, and the
    # terminal's Ctrl-C goes to the parent alone.
    os.setsid()
    # The parent interrupts a lesson that takes too long, for a traceback with a line.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A lesson that writes in a loop does not fill the disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE, _MAX_FILE))
    # The process ends itself if the parent is gone and cannot end it.
    faulthandler.dump_traceback_later(time_limit + 60, exit=True, file=Path(os.devnull).open("w"))


def _forget_project_modules() -> None:
    """Let the lesson import this project again: a file may have changed since the fork server started."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "lessons_src"]:
        del sys.modules[name]
    # `mkdocs serve` watches these folders: a new file there would start a build.
    sys.dont_write_bytecode = True


def _seed() -> None:
    import numpy
    import torch

    random.seed(SEED)
    numpy.random.seed(SEED)
    torch.manual_seed(SEED)
    # With one thread, sums are the same on every machine, and lessons do not compete for cores.
    torch.set_num_threads(1)


def _run_block(shell: LessonShell, block: Block, written: BufferedRandom, draws: bool) -> BlockRun:
    shell.begin(block)
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = shell.shown  # type: ignore[assignment,misc]
    shell.run_cell(block.code, store_history=False)  # type: ignore[no-untyped-call]
    _end_child(shell)
    figures.show_open()
    drawn_for_nothing = figures.forget_changes() and draws
    text, pieces = shell.shown.take()
    run = BlockRun(
        shown=text[:MAX_SHOWN],
        shown_by=pieces,
        figures=shell.figures,
        noise=_line_to_report(written),
    )
    if len(text) > MAX_SHOWN:
        run.ended = False
        run.problem = f"the block shows more than {MAX_SHOWN:,} characters"
        run.problem_line = run.shown_by_line(MAX_SHOWN)
        return run
    if shell.error is not None:
        run.error = _last_line(shell.error)
        run.called_line, run.error_line, run.error_place = shell.places_of_error(shell.error)
    run.problem = shell.refused or _problem(shell, run, block.directives.raises, drawn_for_nothing)
    # A terminal must be able to show it.
    run.error = run.error and _CONTROL.sub(lambda found: ascii(found[0])[1:-1], run.error)
    return run


def _line_to_report(written: BufferedRandom) -> str | None:
    """Return a line of what went past `sys.stdout`, and empty the file for the next block."""
    written.seek(0)
    rows = written.read(MAX_SHOWN).decode(errors="replace").strip().splitlines()
    written.seek(0)
    written.truncate()
    # A traceback says last what is wrong.
    is_traceback = any(row.startswith("Traceback (most recent call last)") for row in rows)
    return next(iter(rows[::-1] if is_traceback else rows), None)


def _end_child(shell: LessonShell) -> None:
    """End this process if the block has forked it: only the lesson's own goes on."""
    if shell.shown.in_child():
        failed = isinstance(shell.error, Exception) and not isinstance(shell.error, OutputTooLongError)
        with contextlib.suppress(OutputTooLongError):
            shell.shown.write(f"{_last_line(shell.error)}\n" if failed else "")
        shell.shown.flush()
        os._exit(failed)


def _problem(shell: LessonShell, run: BlockRun, raises: bool, drawn_for_nothing: bool) -> str | None:
    if control := _CONTROL.search(run.shown + (run.error or "" if raises else "")):
        return (
            f"the block shows {control[0]!r}, which a page cannot: {_CURES.get(control[0], 'print its repr')}"
        )
    if left := [thread for thread in shell.threads if thread.is_alive()]:
        return f"the block leaves the thread {left[0].name!r} running; join it, or shut its pool down"
    if drawn_for_nothing and (raises or run.error is None):
        return (
            "the block draws in a figure that an earlier block has shown, and nothing shows it: "
            "end the block with the figure, such as `fig`, or draw it in one block"
        )
    return None


def _last_line(error: BaseException | None) -> str:
    """Return the last line of the exception's traceback: `TypeError: unsupported …`."""
    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ in {"builtins", "__main__"}
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # noqa: BLE001
        message = "<exception str() failed>"  # as Python says it
    return f"{name}: {message}" if message else name
