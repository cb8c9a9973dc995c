"""The package alone: its wheel works where torch is, and what torch needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

import lessons_src
from lessons_src import exercises
from lessons_src.engine.parsing import read_lesson

if TYPE_CHECKING:
    from importlib.metadata import Distribution

ROOT = Path(__file__).parents[1]
# The names, then all examples of the exercises' checks. Only the engine may need more than torch.
TRY_ALL = """\
import doctest, pkgutil
from importlib import import_module
import lessons_src
names = [name for _, name, _ in pkgutil.walk_packages(lessons_src.__path__, "lessons_src.")]
modules = [import_module(name) for name in names if not name.startswith("lessons_src.engine")]
print(*(getattr(lessons_src, name).__name__ for name in lessons_src.__all__))
checks = [doctest.testmod(module) for module in modules if ".exercises." in module.__name__]
print(sum(result.failed for result in checks), sum(result.attempted for result in checks))
"""


def torch_and_its_needs() -> dict[str, Distribution]:
    """Return the installed distributions without which torch cannot be imported, by their names."""
    found: dict[str, Distribution] = {}
    names = ["torch"]
    while names:
        if (name := names.pop()) not in found:
            found[name] = distribution(name)
            needs = [Requirement(text) for text in found[name].requires or []]
            names += [need.name for need in needs if not need.marker or need.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment, with the wheel installed in it, and torch lent to it."""
    folder = tmp_path_factory.mktemp("wheel")

    def run(*command: str | Path) -> None:
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)

    run("hatchling", "build", "-t", "wheel", "-d", folder)
    (wheel,) = folder.glob("*.whl")
    run("venv", "--without-pip", folder / "venv")
    python = folder / "venv/bin/python"
    (packages,) = folder.glob("venv/lib/*/site-packages")
    for lent in torch_and_its_needs().values():
        for name in {file.parts[0] for file in lent.files or []} - {"..", "__pycache__"}:
            (packages / name).symlink_to(str(lent.locate_file(name)))
    # No index: what the wheel requires must be there.
    run("pip", "--python", python, "install", "--quiet", "--no-index", wheel)
    return python


def run_in(python: Path, code: str) -> str:
    # Without NumPy, torch warns when it is imported.
    command = [str(python), "-I", "-W", "error", "-W", "ignore:Failed to initialize NumPy", "-c", code]
    return subprocess.run(command, cwd=python.parent, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.slow
def test_nothing_of_the_site_is_there(python: Path) -> None:
    site = ["IPython", "markdown", "matplotlib", "mkdocs", "nbformat", "pygraphviz"]
    code = f"import importlib.util\nprint([name for name in {site} if importlib.util.find_spec(name)])"
    assert run_in(python, code) == "[]\n"


@pytest.mark.slow
def test_the_names_and_the_checks_need_torch_alone(python: Path) -> None:
    names, checks = run_in(python, TRY_ALL).splitlines()
    assert names.split() == lessons_src.__all__
    failed, tried = map(int, checks.split())
    assert failed == 0
    assert tried >= len(exercises.__all__)


@pytest.mark.slow
def test_the_example_of_the_readme_needs_torch_alone(python: Path) -> None:
    (example,) = [block for block in read_lesson(ROOT / "README.md", ROOT).blocks if block.is_run]
    assert example.output
    assert run_in(python, example.code) == example.output.text + "\n"
