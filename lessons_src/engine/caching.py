"""Keep runs on disk until something that they depend on changes."""

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from lessons_src.engine.lesson import Lesson, LessonRun

_PROJECT = Path(__file__).parents[1]
_ENGINE = Path(__file__).parent


class RunCache:
    """Runs of lessons in `directory`, each under a key of everything that can change its outputs.

    The caller stores only runs without a failure, and compares a run that comes from here with
    the lesson's stored outputs as it would a new one: a cache can spare a run, never a check.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._asked_for: dict[str, Path] = {}

    def load(self, lesson: Lesson) -> LessonRun | None:
        """Return the run stored for `lesson`, or None if there is none or its file is damaged."""
        file = self._asked_for[lesson.path] = self._file(lesson)
        with contextlib.suppress(OSError, ValueError):
            digest, data = file.read_text(encoding="utf-8").split("\n", 1)
            if digest == _sha256(data):
                return LessonRun.from_json(json.loads(data))
        return None

    def store(self, lesson: Lesson, run: LessonRun) -> None:
        """Keep `run`, unless something that it depends on has changed since `load` was called for it.

        The file gets its name when it is complete, so no reader finds half of it.
        """
        file = self._file(lesson)
        if file != self._asked_for.get(lesson.path):
            return
        data = json.dumps(run.to_json())
        self.directory.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.directory, prefix=file.stem, suffix=".tmp")
        with os.fdopen(descriptor, "w", encoding="utf-8") as part:
            part.write(f"{_sha256(data)}\n{data}")
        Path(name).replace(file)

    def forget_all_but(self, lessons: Iterable[Lesson]) -> None:
        """Delete the runs of all other lessons, and of earlier versions of these lessons."""
        wanted = {self._file(lesson).name for lesson in lessons}
        for file in self.directory.glob("*.json"):
            if file.name not in wanted:
                with contextlib.suppress(OSError):
                    file.unlink()

    def _file(self, lesson: Lesson) -> Path:
        return self.directory / f"{_key(lesson)}.json"


def _key(lesson: Lesson) -> str:
    # Tracebacks and the ids of figures contain the line.
    blocks = [(block.line, block.code, block.directives.raises) for block in lesson.blocks if block.is_run]
    parts = (lesson.path, blocks, _teaching_sources(), _ENGINE_SOURCES, _installed())
    return _sha256(repr(parts))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _teaching_sources() -> list[tuple[str, str]]:
    """Read the project's modules as they are now, because a lesson imports them again."""
    files = sorted(file for file in _PROJECT.rglob("*.py") if _ENGINE not in file.parents)
    return [_digest(file) for file in files]


def _digest(file: Path) -> tuple[str, str]:
    return file.relative_to(_PROJECT).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()


# Read at import, because a server keeps the engine and the colours that it has imported.
_ENGINE_SOURCES = [_digest(file) for file in [_PROJECT / "palette.py", *sorted(_ENGINE.rglob("*.py"))]]


@functools.cache
def _installed() -> tuple[object, ...]:
    """Return the machine, the interpreter and the installed packages: a lesson may import any of them."""
    packages = sorted((d.metadata["Name"], d.version) for d in importlib.metadata.distributions())
    return platform.platform(), platform.machine(), sys.version, tuple(packages)
