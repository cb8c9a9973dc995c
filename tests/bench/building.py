"""The cost of running lessons: builds with and without it, and mkdocs-jupyter running the same code."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lessons_src.engine.notebook import notebook
from lessons_src.engine.parsing import read_lesson
from lessons_src.engine.running import run_lesson

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable

# The same code, run by mkdocs-jupyter: a kernel for each page.
PEER = """
INHERIT: mkdocs.yml
strict: false
docs_dir: peer
nav: null
hooks: []
plugins:
  search: {}
  mkdocs-jupyter: {include: ["*.ipynb"], ignore: ["*.md"], execute: true, ignore_h1_titles: true}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory)
        pages = _lay_out(project)
        _build(project, "bare.yml")
        off, warm = _best(
            10,
            lambda: _build(project, "off.yml", cold=False),
            lambda: _build(project, "bare.yml", cold=False),
        )
        torch, cold, shown_cold, shown_warm = _best(
            3,
            lambda: _time([PYTHON, "-c", "import torch"], project),
            lambda: _build(project, "bare.yml"),
            lambda: _build(project, "mkdocs.yml"),
            lambda: _build(project, "mkdocs.yml", cold=False),
        )
        peer = _build(project, "peer.yml")
        with _serving(project, "off.yml") as rebuild_off, _serving(project, "mkdocs.yml") as rebuild:
            times = [
                (rebuild_off(project / ".plain" / page), rebuild(project / "docs" / page)) for page in pages
            ]

    saved_off, saved = zip(*times, strict=True)
    allowed = off + torch + 0.3 * len(pages)
    extra = [one - other for one, other in zip(saved, saved_off, strict=True)]
    # Aims: cold, at most one import of torch and 0.3 s a page more than with execution off.
    rows = [
        ("one `import torch`", torch, ""),
        ("build, execution off", off, "1.0 x"),
        (
            "build, cold",
            cold,
            f"{cold / off:.1f} x; aim: at most {allowed:.2f}",
        ),
        ("build, warm", warm, f"{warm / off:.2f} x; aim: at most 1.2"),
        ("    notebooks' pages add, cold", shown_cold - cold, ""),
        ("    notebooks' pages add, warm", shown_warm - warm, ""),
        ("build, mkdocs-jupyter executing", peer, f"{peer / cold:.1f} x cold; aim: at least 10"),
        ("one page saved, execution off", statistics.median(saved_off), "median of the pages"),
        ("one page saved", statistics.median(saved), "median of the pages; aim: at most 2 s"),
        ("    what running it adds, median", statistics.median(extra), "aim: at most 0.5 s"),
        ("    what running it adds, worst", max(extra), str(pages[extra.index(max(extra))])),
    ]
    print(
        f"{len(pages)} pages that run code, {os.cpu_count()} cores; best of 3, of 10 with execution off and "
        "warm, but for the peer's one run\n"
    )
    for name, seconds, note in rows:
        print(f"{name:<36}{seconds:7.2f} s   {note}")


def _lay_out(project: Path) -> list[Path]:
    """Copy the site to `project`: to be built, to be built without a run, and as notebooks for the peer.

    Returns the pages that run code, relative to the folder of pages.
    """
    for folder in ("docs", ".plain"):
        shutil.copytree(ROOT / "docs", project / folder)
    shutil.copytree(ROOT / "docs" / "assets", project / "peer" / "assets")
    shutil.copytree(ROOT / "lessons_src", project / "lessons_src")
    shutil.copy(ROOT / "mkdocs.yml", project)
    bare = _without("mkdocs-jupyter", (ROOT / "mkdocs.yml").read_text())
    (project / "bare.yml").write_text(bare)
    off = _without("lessons", bare).replace("strict: true", "strict: false")
    (project / "off.yml").write_text(f"{off}\ndocs_dir: .plain\n")
    (project / "peer.yml").write_text(PEER)
    pages = []
    for path in sorted((project / "docs").rglob("*.md")):
        lesson = read_lesson(path, project)
        if not any(block.is_run for block in lesson.blocks):
            continue
        page = path.relative_to(project / "docs")
        pages.append(page)
        run = notebook(lesson, run_lesson(lesson), site="", repository="")
        _write(project / "peer" / page.with_suffix(".ipynb"), _without_outputs(run))
    return pages


def _without(plugin: str, configuration: str) -> str:
    """The site's own configuration without the plugin that runs lessons, or the one that shows notebooks."""
    left, removed = re.subn(rf"^  - {plugin}:\n(      .*\n)*", "", configuration, flags=re.MULTILINE)
    assert removed == 1
    return left


def _without_outputs(notebook: str) -> str:
    content = json.loads(notebook)
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
    return json.dumps(content)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _build(project: Path, config: str, *, cold: bool = True) -> float:
    if cold:
        shutil.rmtree(project / ".cache", ignore_errors=True)
    return _time([PYTHON, "-m", "mkdocs", "build", "--quiet", "--config-file", config], project)


def _time(command: list[str], cwd: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - start


def _best(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """Return the best of each, taken in turns: a machine is faster at some minutes than at others."""
    times = [[measure() for measure in measures] for _ in range(rounds)]
    return [min(each) for each in zip(*times, strict=True)]


@contextmanager
def _serving(project: Path, config: str) -> Iterator[Callable[[Path], float]]:
    """Serve `project`; the function given saves a page with a changed block and times the rebuild."""
    command = [PYTHON, "-u", "-m", "mkdocs", "serve", "--dirty", "--livereload", "--dev-addr", "127.0.0.1:0"]
    server = subprocess.Popen(
        [*command, "--config-file", config],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    # A build that never comes would be waited for without end.
    watchdog = threading.Timer(300, server.kill)
    watchdog.start()

    def wait_for(text: str) -> None:
        for line in server.stdout or ():
            if text in line:
                return
        sys.exit("mkdocs serve has ended")

    def save(page: Path, text: str) -> float:
        # In one step, or the server may see the page empty, fail on it, and build again.
        (project / "saved").write_text(text, encoding="utf-8")
        (project / "saved").replace(page)
        # MkDocs says how long a build took, but not when it has said the same of another.
        wait_for("Building documentation")
        start = time.perf_counter()
        wait_for("Reloading browsers")
        return time.perf_counter() - start

    def rebuild(page: Path) -> float:
        text = page.read_text(encoding="utf-8")
        return save(page, text.replace("```python\n", f"```python\n# {time.time()}\n", 1))

    try:
        wait_for("Serving on")
        time.sleep(1)  # The server looks at the files once before it looks for changes.
        yield rebuild
    finally:
        watchdog.cancel()
        server.terminate()
        server.wait()
