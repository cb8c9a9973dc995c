"""Run the blocks of a lesson in IPython, and keep what they show."""

import builtins
import codeop
import re
import sys
import sysconfig
import threading
import traceback
import warnings
from functools import cache
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, ClassVar, NoReturn

from IPython.core import interactiveshell
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from traitlets import Type
from traitlets.config import Config

from lessons_src.engine import figures
from lessons_src.engine.lesson import Block
from lessons_src.engine.shown import Shown

# In the text of a warning
_FRAME = re.compile(r'  File "(?P<name>[^"\n]*)", line \d+, in .*\n(?:    .*\n)*')
_TRIGGERED = re.compile(r" ?\(Triggered internally at [^)]*\)")

_ENGINE = Path(__file__).parent
_PROJECT = _ENGINE.parents[1]
_LIBRARIES = Path(sysconfig.get_path("purelib"))  # a virtual environment is in the project's folder


class _Display(DisplayHook):
    """Shows the value of a block's last expression as Jupyter does, without `Out[1]:`."""

    shell: Any

    def quiet(self) -> bool:
        """Tell whether the block ends in a semicolon, which silences it as in Jupyter."""
        return bool(self.semicolon_at_end_of_expression(self.shell.code))  # type: ignore[no-untyped-call]

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict[str, Any], md_dict: object = None) -> None:
        self.shell.show(format_dict)


class _Publisher(DisplayPublisher):
    """Shows what a block passes to `display`, and its figures."""

    shell: Any

    def publish(self, data: dict[str, Any], *args: object, **kwargs: object) -> None:
        self.shell.show(data)


class _Compiler(CachingCompiler):
    """Names the code of each block, so that a frame shows which block it runs."""

    block_name = ""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # Code that a prompt would wait for is an error in a script, with the words of a script.
        self.flags &= ~codeop.PyCF_ALLOW_INCOMPLETE_INPUT  # type: ignore[attr-defined]

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return self.block_name


class LessonShell(interactiveshell.InteractiveShell):
    displayhook_class = Type(_Display)
    display_pub_class = Type(_Publisher)
    compiler_class = Type(_Compiler)

    def transform_cell(self, raw_cell: str) -> str:
        """Return the block unchanged: it is Python, without magics, shell escapes and question marks."""
        return raw_cell

    compile: _Compiler
    shown: Shown
    offsets: ClassVar[dict[str, int]] = {}
    """The name of each block's code, and the line of the lesson above its first line."""

    def begin(self, block: Block) -> None:
        self.code = block.code
        # Not its line: a traceback that a lesson stores does not change with the prose above it.
        name = f"lesson block {len(self.offsets) + 1}"
        self.compile.block_name = name
        self.offsets[name] = block.line - 1
        self.figures: list[str] = []
        self.refused: str | None = None
        self.error: BaseException | None = None
        self.threads: list[threading.Thread] = []

    def line_of_frame(self, frame: FrameType | None) -> int | None:
        """Return the lesson's line that `frame` is at, or the innermost frame around it in this block."""
        name = self.compile.block_name
        while frame is not None and frame.f_code.co_filename != name:
            frame = frame.f_back
        return None if frame is None else self.offsets[name] + frame.f_lineno

    def places_of_error(self, error: BaseException) -> tuple[int | None, int | None, str | None]:
        """Return lines in the traceback: the lesson's first and last, and the project's innermost below that.

        The first is in the block; the last may be in a function of a block above.
        """
        places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        if isinstance(error, SyntaxError) and error.filename:
            places.append((error.filename, error.lineno or 1))
        first = last = place = None
        for name, line in places:
            if name in self.offsets:
                last, place = self.offsets[name] + line, None
                first = first or last
            elif path := _in_project(name):
                place = f"{path}:{line}"
        return first, last, place

    def calls_a_library(self) -> bool:
        """Return whether the code that runs is a library's, or was called by one, and not the lesson's."""
        names = (frame.f_code.co_filename for frame, _ in traceback.walk_stack(sys._getframe()))
        inner = takewhile(lambda name: name not in self.offsets, names)
        return any(_LIBRARIES in Path(name).parents for name in inner)

    def show(self, data: dict[str, Any]) -> None:
        """Keep a figure, and print the text of anything else."""
        if figures.SVG in data:
            svg = data[figures.SVG]
            self.refused = self.refused or figures.problem(svg)
            # Here, once a run: a page, its notebook and later builds have the same figure.
            self.figures.append(svg if self.refused else figures.adapt(svg))
        elif images := [kind for kind in data if kind.startswith("image/")]:
            self.refused = f"the block shows {images[0]}, which a page does not: draw it with Matplotlib"
        else:
            print(data.get("text/plain", ""))

    def showtraceback(self, exc_tuple: Any = None, *args: object, **kwargs: object) -> None:
        """Keep the block's first exception, and print nothing.

        IPython also calls this when a `__repr__` raises or a figure cannot be drawn, and then leaves
        the exception out of the result of the run.
        """
        # Not `or`: an exception can be false, like an empty list.
        if self.error is None:
            self.error = (exc_tuple or sys.exc_info())[1]

    def showsyntaxerror(self, *args: object, **kwargs: object) -> None:
        self.showtraceback()


def _in_project(name: str) -> str | None:
    """Return the path of a file of this project, or None if it is the engine's or a library's."""
    path = Path(name)
    if path.is_relative_to(_PROJECT) and not path.is_relative_to(_ENGINE) and _LIBRARIES not in path.parents:
        return path.relative_to(_PROJECT).as_posix()
    return None


@cache
def lesson_shell() -> LessonShell:
    """Return the shell of this process, which shows figures and warnings as lessons do.

    A forked process has its parent's. The caller sets `shown`, to which what is printed goes.
    """
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.cache_size = 0  # `Out` would keep every shown tensor and its graph alive
    config.InteractiveShell.autoawait = False
    # IPython makes folders for its settings; without one of ours, in the user's home.
    with TemporaryDirectory() as folder:
        shell = LessonShell.instance(config=config, ipython_dir=folder)
    for name in ("exit", "quit"):  # IPython's own want a prompt; Python's are those of a script
        del shell.user_ns[name], shell.builtin_trap.auto_builtins[name]
    # "To exit: use 'exit'", which IPython adds to `sys.exit()`
    interactiveshell.warn = lambda *_, **__: None  # type: ignore[attr-defined]
    figures.enable(shell)
    _show_warnings_as_python_does()
    builtins.input = _no_input
    threading.excepthook = _show_exception_of_thread
    _list_threads(shell)
    return shell


def _list_threads(shell: LessonShell) -> None:
    """List the threads that the lesson itself starts: what a library starts, a lesson cannot join."""
    start = threading.Thread.start

    def list_and_start(thread: threading.Thread) -> None:
        if not shell.calls_a_library():
            shell.threads.append(thread)
        start(thread)

    threading.Thread.start = list_and_start  # type: ignore[assignment]


def _show_warnings_as_python_does() -> None:
    warnings.showwarning = _show_warning
    # The fork server's environment may have other filters.
    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Show a warning without the place in PyTorch's source that it came from.

    Of a traceback in it, which `torch.autograd.detect_anomaly` gives, show the lesson's and the project's
    frames: the others are this engine's and the libraries', with paths of this machine.
    """
    text = _FRAME.sub(_shown_frame, _TRIGGERED.sub("", str(message))).rstrip("\n")
    print(f"{category.__name__}: {text}", file=sys.stderr)


def _no_input(*_: object) -> NoReturn:
    raise EOFError("nobody can answer here; write the answer into the code, in place of `input()`")


def _show_exception_of_thread(raised: threading.ExceptHookArgs) -> None:
    """Show the exception that ended a thread as Python does, with the frames that a warning shows."""
    if raised.exc_type is SystemExit:
        return
    text = "".join(traceback.format_exception(raised.exc_value))
    name = raised.thread.name if raised.thread else "?"
    print(f"Exception in thread {name}:\n{_FRAME.sub(_shown_frame, text)}", end="", file=sys.stderr)


def _shown_frame(frame: re.Match[str]) -> str:
    name = frame["name"]
    if name in LessonShell.offsets:
        return frame[0]
    path = _in_project(name)
    return frame[0].replace(name, path, 1) if path else ""
