"""A run is kept for as long as nothing that could change it has changed, and not a moment longer."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from lesson_helpers import block, parse

from lessons_src import engine, palette
from lessons_src.engine.caching import RunCache
from lessons_src.engine.lesson import BlockRun, Lesson, LessonRun
from lessons_src.engine.parsing import parse_lesson

LESSON = parse(
    "# Title\n\n", block("x = 1\nx", "1", "figure: A line."), block("raise KeyError", "KeyError", "raises")
)
RUN = LessonRun(
    [BlockRun(shown="1", shown_by=[(0, 6)], figures=["<svg/>"]), BlockRun(error="KeyError", error_line=15)]
)


def cache_in(project: Path) -> RunCache:
    return RunCache(project / ".cache", project, project / "site")


def stored(project: Path, lesson: Lesson = LESSON, run: LessonRun = RUN) -> RunCache:
    """A cache in which a run of `lesson` is stored."""
    cache = cache_in(project)
    cache.load(lesson)
    cache.store(lesson, run)
    return cache


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    found = stored(tmp_path / "new" / "folder").load(LESSON)
    assert found is not None
    assert json.dumps(asdict(found)) == json.dumps(asdict(RUN))
    assert found.blocks[0] is not None
    assert found.blocks[0].shown_by_line(0) == 6


def test_nothing_comes_from_an_empty_cache(tmp_path: Path) -> None:
    assert cache_in(tmp_path).load(LESSON) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# Title", "# Another"),
        ("# Title\n", "# Title\n\nMore.\n"),
        ("<!-- figure", "<!-- tolerance: 1 -->\n<!-- figure"),
        ("<!-- raises -->", "<!-- raises -->\n<!-- predict: What? -->"),
    ],
)
def test_a_change_of_prose_or_of_a_directive_needs_no_run(tmp_path: Path, old: str, new: str) -> None:
    assert LESSON.text.count(old) == 1
    assert stored(tmp_path).load(parse(LESSON.text.replace(old, new))) is not None


@pytest.mark.parametrize(
    ("old", "new"), [("\n1\n", "\n2\n"), ("\nKeyError\n", "\nValueError\n"), ("<!-- raises -->\n", "")]
)
def test_a_run_that_fails_now_is_made_anew(tmp_path: Path, old: str, new: str) -> None:
    assert LESSON.text.count(old) == 1
    assert stored(tmp_path).load(parse(LESSON.text.replace(old, new))) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x  = 1"),
        ("<!-- raises -->\n```python\nraise KeyError", "<!-- display-only: x -->\n```python\nraise KeyError"),
    ],
)
def test_a_change_of_code_or_of_what_is_run_needs_a_run(tmp_path: Path, old: str, new: str) -> None:
    text = LESSON.text.replace(old, new)
    if "display-only" in text:
        text = text.replace("\n```text\nKeyError\n```\n", "")
    assert stored(tmp_path).load(parse(text)) is None


def test_a_lesson_that_is_renamed_needs_no_run(tmp_path: Path) -> None:
    assert stored(tmp_path).load(parse_lesson(LESSON.text, "docs/other.md")) is not None


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda data: data[:0],
    "cut short": lambda data: data[:-1],
    "cut in the middle": lambda data: data[:90],
    "without its data": lambda data: data.partition(b"\n")[0],
    "made longer": lambda data: data + b" ",
    "edited": lambda data: data.replace(b'"1"', b'"2"'),
    "another list": lambda data: data[:0] + b"[null, null]",
    "no text": lambda data: b"\xff" + data,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_ignored_and_written_anew(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    cache = stored(tmp_path)
    (file,) = (tmp_path / ".cache").iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert cache.load(LESSON) is None
    cache.store(LESSON, RUN)
    assert file.read_bytes() == whole


def test_a_file_that_cannot_be_read_is_ignored(tmp_path: Path) -> None:
    cache = stored(tmp_path)
    (file,) = (tmp_path / ".cache").iterdir()
    file.unlink()
    file.mkdir()
    assert cache.load(LESSON) is None


def test_a_run_that_nobody_asked_for_before_it_was_made_is_not_kept(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    cache.store(LESSON, RUN)
    assert cache.load(LESSON) is None


def test_what_no_lesson_asks_for_is_forgotten(tmp_path: Path) -> None:
    other = parse(block("2"))
    cache = stored(tmp_path)
    stored(tmp_path, other, LessonRun([BlockRun(shown="2")]))
    (tmp_path / ".cache" / "a folder.json").mkdir()
    cache.forget_all_but([LESSON])
    assert cache.load(LESSON) is not None
    assert cache.load(other) is None
    assert len(list((tmp_path / ".cache").iterdir())) == 2


def test_where_runs_cannot_be_stored_one_warning_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".cache").touch()  # as good as a disk that cannot be written to, also for root
    cache = cache_in(tmp_path)
    lessons = [LESSON, parse(block("2"))]
    assert [cache.load(lesson) for lesson in lessons] == [None, None]
    for lesson in lessons:
        cache.store(lesson, RUN)
    cache.forget_all_but([])
    (message,) = caplog.messages
    assert message.startswith("runs cannot be stored, so the next build runs the lessons again: ")
    assert caplog.records[0].name == "lessons"  # a warning in MkDocs' log would end a strict build


def test_a_disk_that_is_full_keeps_no_part_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(part: Path, text: str, encoding: str) -> None:
        part.write_bytes(text[:9].encode())
        raise OSError(errno.ENOSPC, "No space left on device", str(part))

    cache = cache_in(tmp_path)
    cache.load(LESSON)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", fill)
        cache.store(LESSON, RUN)
    assert list((tmp_path / ".cache").iterdir()) == []


NO_DATA = {
    "docs/lesson.md": "# Prose",
    "README.md": "# Prose",
    ".git/index": "a tool's",
    "lessons_src/__pycache__/x.pyc": "Python's",
    "site/index.html": "a build's",
    "venv/pyvenv.cfg": "",
    "venv/lib/torch.py": "its version counts",
    "build/index.html": "of another generator's",
}
DATA = ["data.csv", "helper.py", "docs/data/t.csv", "lessons_src/data/t.md", "linked/t.csv"]


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_run_is_kept_when_files_change_that_no_lesson_reads(tmp_path: Path) -> None:
    def look() -> LessonRun | None:
        return RunCache(tmp_path / ".cache", tmp_path, tmp_path / "build").load(LESSON)

    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    stored(tmp_path)
    assert look() is not None
    for name, text in NO_DATA.items():
        write(tmp_path / name, text)
        assert look() is not None, name


@pytest.mark.parametrize("name", DATA)
def test_a_run_is_forgotten_when_a_file_changes_that_a_lesson_may_read(tmp_path: Path, name: str) -> None:
    project = tmp_path / "project"
    (tmp_path / "elsewhere").mkdir()
    project.mkdir()
    (project / "linked").symlink_to(tmp_path / "elsewhere")
    write(project / name, "1")
    stored(project)
    assert cache_in(project).load(LESSON) is not None
    write(project / name, "2")
    assert cache_in(project).load(LESSON) is None


def test_a_project_that_is_moved_keeps_its_runs(tmp_path: Path) -> None:
    project, moved = tmp_path / "project", tmp_path / "elsewhere" / "of another name"
    write(project / "docs/data.csv", "1")
    stored(project)
    moved.parent.mkdir()
    project.rename(moved)
    assert cache_in(moved).load(LESSON) is not None


SCRIPT = f"""
import sys
from pathlib import Path
from lessons_src.engine.caching import RunCache
from lessons_src.engine.parsing import parse_lesson
from lessons_src.engine.lesson import BlockRun, LessonRun
def edit(file):
    Path(file).open("a").write("changed = True")
before, *during = sys.argv[1:]
if before:
    edit(before)
lesson = parse_lesson({block("1", "1")!r}, "x.md")
cache = RunCache(Path(".cache"), Path(), Path("site"))
print("miss" if cache.load(lesson) is None else "hit")
for change in during:
    edit(change)
cache.store(lesson, LessonRun([BlockRun(shown="1")]))
"""


class Project:
    """A project with a teaching module, an installed package, this engine and its colours."""

    def __init__(self, root: Path) -> None:
        self.root, self.package = root, root / "lessons_src"
        shutil.copytree(
            Path(engine.__file__).parent,
            self.package / "engine",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        shutil.copy(palette.__file__, self.package)
        (self.package / "__init__.py").touch()
        self.module = self.package / "teaching.py"
        self.module.write_text("x = 1\n")
        self.install("1.0")

    def install(self, version: str) -> None:
        """Put `version` in place of the one that is installed, as pip does."""
        packages = self.root / ".venv"
        packages.mkdir(exist_ok=True)
        for information in packages.iterdir():
            shutil.rmtree(information)
        (packages / f"demo-{version}.dist-info").mkdir()

    def ask(self, *changes: Path, before: Path | str = "", **environment: str) -> str:
        """Whether a fresh process finds a run in the cache.

        `changes` are edited while it runs the lesson; `before` when it has imported the engine.
        """
        path = os.pathsep.join([str(self.root), str(self.root / ".venv")])
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(before), *map(str, changes)],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


def test_a_run_is_kept_until_a_teaching_module_a_package_or_the_engine_changes(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.ask() == "miss"
    assert project.ask() == "hit"
    project.module.write_text("x = 2\n")
    assert project.ask() == "miss"
    (tmp_path / "lessons_src" / "new.py").write_text("")
    assert project.ask() == "miss"
    project.install("1.1")
    assert project.ask() == "miss"
    worker = project.package / "engine" / "worker.py"
    worker.write_text(worker.read_text() + "\nSEED = 1\n")
    assert project.ask() == "miss"
    assert project.ask() == "hit"


def test_a_run_is_kept_until_the_environment_changes_but_not_for_another_shell(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.ask(COURSE="1") == "miss"
    assert project.ask(COURSE="1", SHLVL="7", MAKELEVEL="2", OLDPWD="/") == "hit"
    assert project.ask(COURSE="1", OFFLINE="true", SITE_URL="https://learn.example/") == "hit"
    assert project.ask(COURSE="2") == "miss"


def test_a_run_during_which_a_teaching_module_was_edited_is_not_kept(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.ask(project.module) == "miss"
    assert project.ask() == "miss"
    assert project.ask() == "hit"


@pytest.mark.parametrize("name", ["engine/worker.py", "palette.py"])
def test_a_run_by_an_engine_that_is_older_than_its_files_is_for_no_other(tmp_path: Path, name: str) -> None:
    project = Project(tmp_path)
    assert project.ask(before=project.package / name) == "miss"
    assert project.ask() == "miss"
    assert project.ask() == "hit"
