"""In a lesson's own process: run its blocks in IPython and report what each showed.

Everything here is imported by the fork server, before there is a lesson: so nothing at
module level may touch torch, draw, or depend on the lesson.
"""

import faulthandler
import io
import os
import random
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, TextIO

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from lessons_src.publishing import figures
from lessons_src.publishing.lesson import Block
from lessons_src.publishing.results import BlockRun

SEED = 0
MAX_SHOWN = 100_000
"""Characters that a block may show; more is no longer something that a reader reads."""


def run_lesson(blocks: list[Block], directory: str, time_limit: float, reports: Connection) -> NoReturn:
    """Run `blocks` in order, in `directory`; send `("begin", i)` and `("end", i, result)` for each, then `("done",)`.

    Stops after a block that raises without being expected to: what follows may depend on it.
    """
    _become_independent(time_limit)
    os.chdir(directory)
    os.environ["IPYTHONDIR"] = directory
    _forget_project_modules()
    _seed()
    descriptors = _Descriptors()
    shell = _shell()
    process = os.getpid()
    for index, block in enumerate(blocks):
        reports.send(("begin", index))
        result = _run_block(shell, block, descriptors)
        _end_unless_in(process)
        reports.send(("end", index, asdict(result)))
        if result.problem or (result.error and not block.directives.raises):
            break
    reports.send(("done",))
    # At once: a thread that the lesson left, or a graph too deep to be freed, is not waited for.
    os._exit(0)


def _end_unless_in(process: int) -> None:
    """End a process that a block has forked: it is not the one to run the next block."""
    if os.getpid() != process:
        os._exit(0)


def _become_independent(time_limit: float) -> None:
    # A session of its own lets the parent stop the lesson together with whatever it started,
    # and keeps the terminal's Ctrl-C, which the parent handles, away from it.
    os.setsid()
    # The parent interrupts a lesson that takes too long, for a traceback with a line.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Should the parent be gone by then, the process ends itself.
    faulthandler.dump_traceback_later(2 * time_limit, exit=True, file=io.FileIO(os.open(os.devnull, os.O_WRONLY)))


def _forget_project_modules() -> None:
    """Have the lesson import this project anew, in case a file has changed since the fork server began."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "lessons_src"]:
        del sys.modules[name]
    # A file that the server watches is not to be written to by what the server runs.
    sys.dont_write_bytecode = True


def _seed() -> None:
    import numpy
    import torch

    random.seed(SEED)
    numpy.random.seed(SEED)
    torch.manual_seed(SEED)
    # One lesson, one thread: sums come out the same on every machine, and lessons run side by side.
    torch.set_num_threads(1)


class OutputTooLongError(Exception):
    """A block showed more than a page can hold."""


class _Shown(io.TextIOBase):
    """Standard output and error of a block: its text, and which line of the lesson wrote what."""

    def __init__(self, current_line: Callable[[], int | None]) -> None:
        self.text = io.StringIO()
        self.by: list[tuple[int, int]] = []
        self.too_long = False
        self._current_line = current_line

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.closed:
            raise ValueError("I/O operation on closed file: the lesson has closed sys.stdout")
        room = MAX_SHOWN - self.text.tell()
        line = self._current_line()
        if line is not None and (not self.by or self.by[-1][1] != line):
            self.by.append((self.text.tell(), line))
        self.text.write(text[:room])
        if len(text) > room:
            self.too_long = True
            raise OutputTooLongError(f"the block shows more than {MAX_SHOWN:,} characters")
        return len(text)


class _Descriptors:
    """File descriptors 1 and 2, kept in a file: what C code or a subprocess writes shows on no page."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()
        for descriptor in (1, 2):
            os.dup2(self._file.fileno(), descriptor)

    def take(self) -> str:
        """What was written since the last call."""
        self._file.seek(0)
        text = self._file.read(MAX_SHOWN).decode(errors="replace").strip()
        self._file.seek(0)
        self._file.truncate()
        return text


class _Display(DisplayHook):
    """The value of a block's last expression, shown as Jupyter shows it, without `Out[1]:`."""

    def quiet(self) -> bool:
        """A semicolon at the end silences a block, as in Jupyter."""
        return self.semicolon_at_end_of_expression(self.shell.code)

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict[str, Any], md_dict: object = None) -> None:
        self.shell.show(format_dict)


class _Publisher(DisplayPublisher):
    """What a block hands to `display`, figures among it."""

    def publish(self, data: dict[str, Any], *args: object, **kwargs: object) -> None:
        self.shell.show(data)


class _Compiler(CachingCompiler):
    """Names the code of block n `lesson block n`, so that a frame can be traced to its line."""

    block_name = ""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return self.block_name


class _Shell(InteractiveShell):
    displayhook_class = Type(_Display)
    display_pub_class = Type(_Publisher)
    compiler_class = Type(_Compiler)

    def transform_cell(self, raw_cell: str) -> str:
        """A block is Python: no magics, no shell escapes, no question marks."""
        return raw_cell

    def enable_gui(self, gui: object = None) -> None:
        """There is no window system; Matplotlib's inline back end asks for one all the same."""

    offsets: dict[str, int] = {}
    """The name of each block's code, and the line of the lesson above its first line."""

    def begin(self, block: Block) -> None:
        self.code = block.code
        name = f"lesson block at line {block.line}"
        self.compile.block_name = name
        self.offsets[name] = block.line - 1
        self.figures: list[str] = []
        self.refused: str | None = None
        self.uncaught: BaseException | None = None
        self.shown = _Shown(lambda: self.line_of_frame(sys._getframe()))

    def line_of_frame(self, frame: Any) -> int | None:
        """The line of the lesson that the innermost frame of the block that is run stands at."""
        name = self.compile.block_name
        while frame is not None and frame.f_code.co_filename != name:
            frame = frame.f_back
        return None if frame is None else self.offsets[name] + frame.f_lineno

    def line_of_error(self, error: BaseException) -> int | None:
        """The line of the lesson that an exception came through last."""
        if isinstance(error, SyntaxError) and error.filename in self.offsets:
            return self.offsets[error.filename] + (error.lineno or 1)
        lines = [
            self.offsets[frame.filename] + (frame.lineno or 1)
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename in self.offsets
        ]
        return lines[-1] if lines else None

    def show(self, data: dict[str, Any]) -> None:
        """Take a figure for a figure, and whatever else there is by its text."""
        if figures.SVG in data:
            self.figures.append(data[figures.SVG])
            self.refused = self.refused or figures.problem(data[figures.SVG])
        elif images := [kind for kind in data if kind.startswith("image/")]:
            self.refused = f"the block shows {images[0]}, which a page does not: draw it with Matplotlib"
        else:
            print(data.get("text/plain", ""))

    def showtraceback(self, exc_tuple: Any = None, *args: object, **kwargs: object) -> None:
        """Keep the exception, and print nothing.

        IPython comes here too when a `__repr__` raises or a figure cannot be drawn, and then
        the result of the run says nothing of it.
        """
        self.uncaught = (exc_tuple or sys.exc_info())[1]

    def showsyntaxerror(self, *args: object, **kwargs: object) -> None:
        self.showtraceback()


def _shell() -> _Shell:
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.cache_size = 0  # `Out` would keep every shown tensor, and its graph, alive
    config.InteractiveShell.autoawait = False
    shell = _Shell.instance(config=config)
    figures.enable(shell)
    _show_warnings_as_python_does()
    return shell


def _show_warnings_as_python_does() -> None:
    warnings.showwarning = _show_warning
    # Whatever the fork server's own environment asked for.
    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as a reader can use it: without the place in PyTorch's source that it came from."""
    print(f"{category.__name__}: {message}", file=sys.stderr)


def _run_block(shell: _Shell, block: Block, descriptors: _Descriptors) -> BlockRun:
    threads = set(threading.enumerate())
    shell.begin(block)
    figures.begin_block(block.line)
    sys.stdout = sys.stderr = shell.shown
    result = shell.run_cell(block.code, store_history=False)
    figures.show_open()
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    # An exception may be false, as an empty list is.
    errors = (result.error_before_exec, result.error_in_exec, shell.uncaught)
    error = next((error for error in errors if error is not None), None)
    run = BlockRun(
        shown=shell.shown.text.getvalue().removesuffix("\n"),
        shown_by=shell.shown.by,
        figures=shell.figures,
        error=None if error is None else _last_line(error),
        error_line=None if error is None else shell.line_of_error(error),
    )
    run.problem = shell.refused or _problem(shell, run, threads, descriptors)
    return run


def _problem(
    shell: _Shell, run: BlockRun, threads: set[threading.Thread], descriptors: _Descriptors
) -> str | None:
    if shell.shown.too_long:
        return f"the block shows more than {MAX_SHOWN:,} characters"
    text = run.shown + (run.error or "")
    if controls := [c for c in text if ord(c) < 32 and c not in "\n\t" or 0xD800 <= ord(c) < 0xE000]:
        return f"the block shows the character {controls[0]!r}, which a page cannot"
    # A thread that C++ started to call back into Python shows up as a dummy; no one can join that.
    left = [t for t in threading.enumerate() if t not in threads and not isinstance(t, threading._DummyThread)]
    if left:
        return f"the block leaves the thread {left[0].name!r} running; join it"
    if written := descriptors.take():
        first = written.splitlines()[0]
        return f"something wrote past sys.stdout, straight to the process's output: {first!r}; print it instead"
    return None


def _last_line(error: BaseException) -> str:
    """An exception as a traceback ends: `TypeError: unsupported …`."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ in {"builtins", "__main__"} else f"{kind.__module__}.{kind.__qualname__}"
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{name}: {message}" if message else name


