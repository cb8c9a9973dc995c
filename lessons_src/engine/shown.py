"""What a lesson prints, on its way to the pages: a file that its processes write and the parent reads."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

SHOWN = "shown"
"""The file beside a run's working directory that has what its blocks print."""

WRITTEN = "written"
"""The file beside it that has what went straight to the process's output."""

MAX_SHOWN = 100_000
"""How many characters a block may show; nobody reads more on a page."""


class OutputTooLongError(Exception):
    """A block shows more than `MAX_SHOWN` characters."""


class Shown(io.TextIOBase):
    """Standard output and error of a lesson: writes each text into a file, with the line that showed it.

    All blocks have the same object, because a logging handler or a module may keep it. Forked children write
    into the same file, so the texts of all are in the order in which they came. The parent can read them
    while a block runs, and after a crash.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     stream = Shown(Path(folder, SHOWN), current_line=lambda: 7)
    ...     print("loss", 0.5, file=stream)
    ...     stream.take()
    ('loss 0.5', [(0, 7)])
    """

    closed = False

    def __init__(self, path: Path, current_line: Callable[[], int | None]) -> None:
        self.start = 0
        """Where the output of the block begins in the file, in bytes."""
        self._current_line = current_line
        self._process = os.getpid()
        # Unbuffered and at the end of the file, whoever else has written there.
        self._file = path.open("a+b", buffering=0)
        self._unsent = ""
        self._room = MAX_SHOWN

    def take(self) -> tuple[str, list[tuple[int, int]]]:
        """Return what the block has shown, as `read_shown` does, and start the output of the next one."""
        text, pieces, self.start = read_shown(self._file.fileno(), self.start)
        self._room = MAX_SHOWN
        self.closed = False
        return text, pieces

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self.closed:
            raise ValueError("I/O operation on closed file: the lesson has closed sys.stdout")
        # One character more than fits tells `take` that the limit was passed.
        kept = text[: self._room + 1]
        self._room -= len(kept)
        if not self.in_child():
            self._send(kept)
        else:
            # A child writes whole lines, or those of two children could mix.
            self._unsent += kept
            if "\n" in kept:
                self.flush()
        if self._room < 0:
            raise OutputTooLongError
        return len(text)

    def in_child(self) -> bool:
        """Return whether this process is one that the lesson has forked."""
        return os.getpid() != self._process

    def flush(self) -> None:
        """Write a child's unfinished line."""
        text, self._unsent = self._unsent, ""
        self._send(text)

    def _send(self, text: str) -> None:
        if text:
            record = json.dumps([text, self._current_line()])
            # A record that a full disk cuts off spoils no other one.
            self._file.write(f"\n{record}\n".encode())


def read_shown(descriptor: int, start: int) -> tuple[str, list[tuple[int, int]], int]:
    """Return what was written into a file after its first `start` bytes, and where that ends.

    The text is without its last newline, or cut off where it has more than `MAX_SHOWN` characters.
    Between the two are the offset of each piece of it, and the line of the lesson that showed it.
    """
    data = os.pread(descriptor, max(0, os.fstat(descriptor).st_size - start), start)
    whole = data[: data.rfind(b"\n") + 1]  # the rest of a record may be on its way
    text = io.StringIO()
    pieces: list[tuple[int, int]] = []
    for record in whole.splitlines():
        try:
            piece, line = json.loads(record)
        except ValueError:  # an empty line, or a record that was cut off
            continue
        if line is not None and (not pieces or pieces[-1][1] != line):
            pieces.append((text.tell(), line))
        text.write(piece)
        if text.tell() > MAX_SHOWN:
            break
    shown = text.getvalue()
    if len(shown) <= MAX_SHOWN:  # a longer one says by its length that it is
        shown = shown.removesuffix("\n")
    return shown, pieces, start + len(whole)
