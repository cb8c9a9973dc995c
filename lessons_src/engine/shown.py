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
    ('loss 0.5\\n', [(0, 7)])
    """

    closed = False

    def __init__(self, path: Path, current_line: Callable[[], int | None]) -> None:
        self.start = 0
        """Where the output of the block begins in the file, in bytes."""
        self._path, self._current_line = path, current_line
        self._process = os.getpid()
        # Unbuffered and at the end of the file, whoever else has written there.
        self._file = path.open("ab", buffering=0)
        self._unsent = ""
        self._room = MAX_SHOWN

    def take(self) -> tuple[str, list[tuple[int, int]]]:
        """Return what the block has shown, as `read_shown` does, and start the output of the next one."""
        text, pieces, self.start = read_shown(self._path, self.start)
        self._room = MAX_SHOWN
        self.closed = False
        return text, pieces

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def write(self, text: str) -> int:
        if self.closed:
            raise ValueError("I/O operation on closed file: the lesson has closed sys.stdout")
        # One character more than fits tells `take` that the limit was passed.
        kept = text[: self._room + 1]
        self._room -= len(kept)
        self._unsent += kept
        # A child writes whole lines, or those of two children could mix.
        if "\n" in text or not self.in_child():
            self.flush()
        if self._room < 0:
            raise OutputTooLongError
        return len(text)

    def in_child(self) -> bool:
        """Return whether this process is one that the lesson has forked."""
        return os.getpid() != self._process

    def flush(self) -> None:
        """Write what a child has not written yet."""
        if self._unsent:
            record = json.dumps([self._unsent, self._current_line()])
            self._unsent = ""
            self._file.write(record.encode() + b"\n")


def read_shown(path: Path, start: int) -> tuple[str, list[tuple[int, int]], int]:
    """Return what was written into the file `path` after its first `start` bytes, and where that ends.

    Between the two are the offset of each piece of the text, and the line of the lesson that showed it.
    """
    with path.open("rb") as file:
        file.seek(start)
        data = file.read()
    end = data.rfind(b"\n") + 1  # the rest of a record may be on its way
    text = io.StringIO()
    pieces: list[tuple[int, int]] = []
    for record in data[:end].splitlines():
        piece, line = json.loads(record)
        if line is not None and (not pieces or pieces[-1][1] != line):
            pieces.append((text.tell(), line))
        text.write(piece)
    return text.getvalue(), pieces, start + end
