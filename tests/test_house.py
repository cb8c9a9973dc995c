"""The rules of the house: which wing may import which, and that no two files need each other."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import lessons_src

PACKAGE = Path(__file__).parents[1] / "lessons_src"
FILES = {
    "lessons_src." + ".".join(file.relative_to(PACKAGE).with_suffix("").parts): file
    for file in sorted(PACKAGE.rglob("*.py"))
    if file.name != "__init__.py"  # which only say what there is
}
PACKAGES = sorted(file.parent for file in PACKAGE.rglob("__init__.py"))
MAY_IMPORT = {
    "": {""},
    "graph": {"", "graph"},
    "backward": {"", "graph", "backward"},
    "exercises": {"", "graph", "backward", "exercises"},
    "engine": {"engine"},
}
# Colours as plain data, the one thing that the engine and what it runs have in common.
FOR_ALL_WINGS = {"lessons_src.palette"}
ONLY_IN = {
    "mkdocs": "lessons_src.engine.mkdocs_plugin",
    "pytest": "lessons_src.engine.pytest_plugin",
    "sybil": "lessons_src.engine.pytest_plugin",
}


def imports(file: Path) -> set[str]:
    """Return all that a file imports: at its top, in a function, and for types alone."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = {f"{node.module}.{alias.name}" for alias in node.names} & FILES.keys()
            names |= modules or {node.module}
    return names


IMPORTS = {module: imports(file) for module, file in FILES.items()}


def wing(module: str) -> str:
    """Return the folder that a module of the package is in, or nothing for the top."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 else ""


def test_the_package_lists_its_names_and_knows_its_version() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert lessons_src.__version__ == project["version"]
    assert {*lessons_src.__all__, "__version__", "__doc__"} <= set(dir(lessons_src))
    assert all(hasattr(lessons_src, name) for name in dir(lessons_src))
    with pytest.raises(AttributeError, match="^module 'lessons_src' has no attribute 'fit_curve'$"):
        lessons_src.fit_curve  # noqa: B018


@pytest.mark.parametrize("module", FILES)
def test_a_file_imports_from_the_wings_that_it_may(module: str) -> None:
    ours = {name for name in IMPORTS[module] if name.partition(".")[0] == "lessons_src"}
    assert ours <= FILES.keys(), "import the file that a name is in, not the package"
    assert {wing(name) for name in ours - FOR_ALL_WINGS} <= MAY_IMPORT[wing(module)]


@pytest.mark.parametrize("module", sorted(FOR_ALL_WINGS))
def test_what_all_wings_may_import_imports_nothing_itself(module: str) -> None:
    assert IMPORTS[module] == set()


@pytest.mark.parametrize("library", ONLY_IN)
def test_one_file_knows_a_library(library: str) -> None:
    assert [m for m, names in IMPORTS.items() if any(n.split(".")[0] == library for n in names)] == [
        ONLY_IN[library]
    ]


def test_no_files_import_each_other_in_a_circle_not_even_for_types() -> None:
    graph = {module: names & FILES.keys() for module, names in IMPORTS.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(FILES)  # CycleError names a circle


def test_no_two_files_have_one_name() -> None:
    names = Counter([file.stem for file in FILES.values()] + [w for w in MAY_IMPORT if w])
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_folder_describes_files_that_are_there(package: Path) -> None:
    described = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    there = {path.stem for path in package.iterdir()} | set(lessons_src.__all__)
    assert set(re.findall(r"`([a-z_]+)`", described)) - there == set()
