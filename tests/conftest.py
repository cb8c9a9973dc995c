"""What the tests share: a site that is built once for all of them, and a browser."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
# The first has no windows and no settings, and loads a page in two thirds of the other's time.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# How long a browser is waited for, in milliseconds. No test measures time, and a machine may be busy.
PATIENCE = 300_000
BUILD = """\
import sys
from mkdocs.__main__ import cli
cli(["build", "--strict"], standalone_mode=False)
print(*sys.modules)
"""

# What pytest sets, and `make check` for it; a build outside of them does not have it.
_OF_TESTS = re.compile("PYTEST_.*|COLUMNS|LINES|TEST")

# What a shell starts in its background ignores Ctrl-C, and so does all that it starts; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def build_site(folder: Path, *, cached: bool = False, **environment: str) -> list[str]:
    """Build the site from a copy of the project in `folder`; return the modules that the build imported.

    If `cached`, it takes what an earlier build of the project has run.
    """
    folder.mkdir(parents=True)
    for part in ROOT.iterdir():
        if (part.name[0] != "." and part.name != "site") or (cached and part.name == ".cache"):
            copy = shutil.copytree if part.is_dir() else shutil.copy
            copy(part, folder / part.name)
    inherited = {name: value for name, value in os.environ.items() if not _OF_TESTS.fullmatch(name)}
    done = subprocess.run(
        [sys.executable, "-c", BUILD],
        cwd=folder,
        env={**inherited, "SOURCE_DATE_EPOCH": "1700000000", **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.split()


@cache
def parsed(page: Path) -> BeautifulSoup:
    """Parse a page of the site, once for all tests of a worker."""
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def load_hooks(name: str) -> ModuleType:
    """Import a file of hooks, which is in no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / ".overrides" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. pytest's workers share one: the first that needs it builds it, the others wait."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "project" / "site").exists():
            build_site(shared / "project", cached=True)
    return shared / "project" / "site"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the built site, and say where."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without which a test is skipped, but not in CI."""
    from playwright.sync_api import expect, sync_playwright

    if not CHROMIUM:
        assert not os.environ.get("CI"), "install chromium: .ci/run does"
        pytest.skip("there is no chromium on this machine")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on a phone."""
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()
