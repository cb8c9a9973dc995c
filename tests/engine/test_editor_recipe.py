"""The editor's module is what its recipe makes, byte for byte."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

LIVE = Path(__file__).parents[2] / "lessons_src" / "engine" / "live"


def test_the_recipe_names_exact_versions_and_no_address() -> None:
    recipe = json.loads((LIVE / "editor" / "package.json").read_text("utf-8"))
    assert recipe["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in recipe["devDependencies"].values())
    assert not [path for path in (LIVE / "editor").glob("*.*") if "://" in path.read_text("utf-8")]


def test_the_module_says_where_its_licences_are_and_they_are_there() -> None:
    first = (LIVE / "editor.js").read_text("utf-8").splitlines()[0]
    (name,) = re.findall(r"LICENSE\S+\.txt", first)
    licences = (LIVE / name).read_text("utf-8")
    assert "Jonas Pytte" in licences
    assert "Lea Verou" in licences


@pytest.mark.slow
def test_the_recipe_makes_the_module_byte_for_byte(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("there is no npm on this machine")
    recipe = shutil.copytree(LIVE / "editor", tmp_path / "editor")
    install = [npm, "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    installed = subprocess.run(install, cwd=recipe, capture_output=True, text=True, check=False)
    if installed.returncode:
        assert not os.environ.get("CI"), installed.stderr
        pytest.skip("npm could not install: " + installed.stderr)
    subprocess.run([npm, "run", "build"], cwd=recipe, check=True, capture_output=True)
    assert (tmp_path / "editor.js").read_bytes() == (LIVE / "editor.js").read_bytes()
    # Lessons run again when a file of the project changes, and these are thousands.
    assert not (recipe / "node_modules").exists()
