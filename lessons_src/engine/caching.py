"""Keep runs on disk until something that they depend on changes."""

import contextlib
import functools
import hashlib
import json
import logging
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from lessons_src.engine.failures import check_lesson
from lessons_src.engine.lesson import BlockRun, Lesson, LessonRun

# Not MkDocs' own log, in which a warning would end a strict build.
_log = logging.getLogger("lessons")

_PACKAGE = Path(__file__).parents[1]
_ENGINE = Path(__file__).parent

# What differs from shell to shell and from commit to commit, or says where the site is; no output shows it.
_SESSION = re.compile(
    "MAKE.*|MFLAGS|OLDPWD|PWD|SHLVL|SOURCE_DATE_EPOCH|TERM|_|EDIT_URI|OFFLINE|REPO_URL|SITE_URL"
)
# Read at import: lessons inherit the environment of the fork server, which may start soon after this. What a
# plugin or a hook sets later does not reach them.
_ENVIRONMENT = sorted((name, value) for name, value in os.environ.items() if not _SESSION.fullmatch(name))


class RunCache:
    """Runs of lessons in `directory`, each under a key of everything that can change its outputs.

    Part of the key are the files of `project`, without its built `site`, as they are when the cache
    is made. The caller stores only runs without a failure. A stored run that no longer matches the
    lesson's outputs is not returned, so every line that a failure names is that of a new run.
    """

    def __init__(self, directory: Path, project: Path, site: Path) -> None:
        self.directory = directory
        self._read_surroundings = functools.partial(_surroundings, project, site)
        self.surroundings = self._read_surroundings()
        self._missed: set[Path] = set()

    def load(self, lesson: Lesson) -> LessonRun | None:
        """Return the run stored for `lesson`; None if there is none, its file is damaged, or it fails now."""
        file = self._file(lesson)
        with contextlib.suppress(OSError, ValueError):
            digest, data = file.read_text(encoding="utf-8").split("\n", 1)
            if digest == _sha256(data):
                run = LessonRun([BlockRun(**block) for block in json.loads(data)["blocks"]])
                if not check_lesson(lesson, run):
                    return run
        self._missed.add(file)
        return None

    def store(self, lesson: Lesson, run: LessonRun) -> None:
        """Keep the `run` of a lesson that `load` did not find, unless what it depends on has changed since.

        This is best effort: where the directory cannot be written to, one warning says so.
        """
        file = self._file(lesson)
        if file not in self._missed or self._read_surroundings() != self.surroundings:
            return
        data = json.dumps(asdict(run))
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            # The file gets its name when it is complete, so no reader finds half of it.
            with tempfile.TemporaryDirectory(dir=self.directory) as folder:
                part = Path(folder, file.name)
                part.write_text(f"{_sha256(data)}\n{data}", encoding="utf-8")
                part.replace(file)
        except OSError as error:
            self._missed.clear()
            _log.warning("runs cannot be stored, so the next build runs the lessons again: %s", error)

    def forget_all_but(self, lessons: Iterable[Lesson]) -> None:
        """Delete the runs of all other lessons, and of earlier versions of these lessons."""
        wanted = {self._file(lesson).name for lesson in lessons}
        for file in self.directory.glob("*.json"):
            if file.name not in wanted:
                with contextlib.suppress(OSError):
                    file.unlink()

    def _file(self, lesson: Lesson) -> Path:
        # No lines and no prose: neither changes what a block shows. Nor does `raises`: a run that
        # is stored has reached its end.
        blocks = [block.code for block in lesson.blocks if block.is_run]
        return self.directory / f"{_sha256(repr((blocks, self.surroundings)))}.json"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _surroundings(project: Path, site: Path) -> str:
    """Return a digest of everything but its own code that a lesson's output can depend on."""
    files = sorted(_digest(file, top) for file, top in _files(project, site))
    return _sha256(repr((files, _ENGINE_SOURCES, _ENVIRONMENT, _installed())))


def _files(project: Path, site: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the files that a lesson can import or read, each with the folder that contains them all.

    No lesson is among them, and no file that a tool has made.
    """
    # A server builds elsewhere, but a site may have been built before.
    seen = {folder.resolve() for folder in (site, project / "site")}
    for top, contains in ((project, project), (_PACKAGE, _PACKAGE.parent)):
        for name, folders, files in os.walk(top, followlinks=True):
            folder = Path(name)
            if folder.resolve() in seen or (folder / "pyvenv.cfg").exists():
                folders.clear()
                continue
            seen.add(folder.resolve())
            folders[:] = [name for name in folders if name[0] != "." and name != "__pycache__"]
            has_lessons = folder == project or folder.is_relative_to(project / "docs")
            for file in files:
                if file[0] != "." and not (has_lessons and file.endswith(".md")):
                    yield folder / file, contains


def _digest(file: Path, top: Path) -> tuple[str, str]:
    # A project that is moved, or cloned again, keeps its runs.
    name = file.relative_to(top).as_posix()
    try:
        return name, hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:  # an editor has deleted it meanwhile, or a link leads nowhere
        return name, ""


def digests(folder: Path) -> list[tuple[str, str]]:
    """Return the path of each file in `folder`, with a digest of what is in it, but for Python's own."""
    return sorted(_digest(file, folder) for file in folder.rglob("*") if "__pycache__" not in file.parts)


# Read at import, because a server keeps the engine and the colours that it has imported.
_ENGINE_SOURCES = [
    _digest(file, _PACKAGE) for file in [_PACKAGE / "palette.py", *sorted(_ENGINE.rglob("*.py"))]
]


@functools.cache
def _installed() -> tuple[object, ...]:
    """Return the machine, the interpreter and the installed packages: a lesson may import any of them."""
    # Each has a folder whose name ends in its version, such as `torch-2.13.0.dist-info`.
    packages = {entry.name for folder in sys.path for entry in Path(folder).glob("*-*-info")}
    return platform.platform(), platform.machine(), sys.version, sorted(packages)
