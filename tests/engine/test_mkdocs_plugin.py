"""A site is built from lessons that are as they say; a server shows what is wrong and goes on."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

import pytest
from bs4 import BeautifulSoup, Tag
from conftest import ROOT
from lesson_helpers import block
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort
from mkdocs.livereload import LiveReloadServer
from mkdocs.structure.files import get_files

from lessons_src import engine
from lessons_src.engine import mkdocs_plugin
from lessons_src.engine.live.laboratory import Laboratory

pytest_plugins = ["pytester"]

# Any port: somebody who runs the tests may be serving the site at MkDocs' own.
CONFIGURATION = """\
site_name: Lessons
dev_addr: 127.0.0.1:0
strict: true
theme: mkdocs
plugins:
  - lessons
markdown_extensions:
  - admonition
  - pymdownx.superfences
  - pymdownx.arithmatex:
      generic: true
"""


ANCHORS = "validation: {links: {anchors: warn}}"


class Site:
    """A small site in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.index = root / "docs" / "index.md"
        self.index.parent.mkdir()
        self.configure()

    def configure(self, old: str = "", new: str = "") -> None:
        assert old in CONFIGURATION
        (self.root / "mkdocs.yml").write_text(CONFIGURATION.replace(old, new, 1) if old else CONFIGURATION)

    def write(self, *pieces: str, name: str = "index.md") -> None:
        (self.root / "docs" / name).write_text("".join(pieces), encoding="utf-8")

    def counted(self, code: str) -> str:
        """`code`, and a note of each time it is run."""
        return f"open({str(self.root / '.count')!r}, 'a').write('.');\n{code}"

    @property
    def count(self) -> int:
        """How often counted code was run."""
        return len((self.root / ".count").read_text())

    dirty = False

    def start(self, command: Literal["build", "serve"] = "build", *, dirty: bool = False) -> None:
        """Begin anew, as a command of MkDocs does."""
        self.dirty = dirty
        load_config(str(self.root / "mkdocs.yml")).plugins.on_startup(command=command, dirty=dirty)

    def build(self) -> None:
        build(load_config(str(self.root / "mkdocs.yml"), site_dir=str(self.root / "site")), dirty=self.dirty)

    def page(self, place: str = "index.html") -> Tag:
        return BeautifulSoup((self.root / "site" / place).read_text(encoding="utf-8"), "html.parser")

    def report(self, caplog: pytest.LogCaptureFixture) -> list[str]:
        """The failures that a build names."""
        shutil.rmtree(self.root / "site", ignore_errors=True)
        caplog.clear()
        with pytest.raises(Abort):
            self.build()
        assert not (self.root / "site" / "index.html").exists()
        return [record.message for record in caplog.records if record.name == "mkdocs.plugins.lessons"]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.start()
    return made


# A build


def test_a_page_shows_what_its_blocks_showed(site: Site) -> None:
    text = "---\ntitle: A title\n---\n\n# A\n\n!!! note\n\n", block("1 + 1", "2", indent="    "), "Text.\n"
    site.write("# Home\n")
    site.write(*text, name="b.md")
    site.build()
    page = site.page("b/index.html")
    assert page.select("div.admonition div.highlight + div.lesson-output")[0].text == "2"
    assert page.select("title")[0].text == "A title - Lessons"
    assert not page.select(".lesson-broken")


def test_a_hook_gets_the_lesson_of_a_page(site: Site) -> None:
    site.configure("plugins:", "hooks: [hook.py]\nplugins:")
    count = "page.meta['lesson'].blocks[0].output.text + ' it is'"
    hook = f"def on_page_context(context, *, page, config, nav):\n    page.content = {count}\n"
    (site.root / "hook.py").write_text(hook)
    site.write("# A\n\n", block("1 + 1", "2"))
    site.build()
    assert "2 it is" in site.page().text


def test_every_failure_ends_the_build_and_is_named_with_file_and_line(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.write("# A\n\n", block("1", "2"), block("1 / 0"))
    site.write("```py\n```\n", name="b.md")
    (site.root / "docs" / "c.md").write_bytes(b"# C\n\n\xff\n")
    python = "write `python`, or say why it is not run: `<!-- display-only: … -->` on the line above"
    assert [failure.split("\n")[0] for failure in site.report(caplog)] == [
        "docs/index.md:4: the output differs from the stored one",
        "docs/index.md:12: this line raises",
        f"docs/b.md:1: `py` looks like Python and would not run: {python}",
        "docs/c.md:3: this is not UTF-8: invalid start byte",
    ]
    assert "not built, because of 4 failures in lessons" in caplog.text


def test_a_failure_reads_in_the_build_as_it_does_in_pytest(
    site: Site, caplog: pytest.LogCaptureFixture, pytester: pytest.Pytester
) -> None:
    site.write("# A\n\n", block("print(1)\nprint(2)", "1\n3"), block("import os\n\nos._exit(1)"))
    (site.root / "pyproject.toml").write_text(
        '[tool.pytest]\naddopts = ["-p", "lessons_src.engine.pytest_plugin"]\n'
    )
    output = pytester.runpytest_inprocess(
        "--rootdir", str(site.root), "-c", str(site.root / "pyproject.toml"), str(site.root)
    ).stdout.str()
    reported = site.report(caplog)
    assert len(reported) == 2
    for failure in reported:
        assert f"\n{failure}\n" in output


@pytest.mark.parametrize(("code", "output"), [("1", "1"), ("x = 1", None)])
def test_a_block_that_markdown_does_not_show_as_a_fence_ends_the_build(
    site: Site, caplog: pytest.LogCaptureFixture, code: str, output: str | None
) -> None:
    site.write("# A\n\n", block(code, output), "1) One\n\n", block(code, output, indent="    "))
    line = 14 if output else 10
    (failure,) = site.report(caplog)
    assert failure.startswith(
        f"docs/index.md:{line}: Markdown does not show this block as a fence; indent it by 4"
    )


def test_results_that_are_written_by_hand_end_the_build(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.write("# A\n\n", block("1", "1"), "```lesson-results\ndocs/index.md:4\n```\n")
    (failure,) = site.report(caplog)
    assert failure == (
        "docs/index.md:11: `lesson-results` must come from the build, not from a lesson; "
        "delete this fence\n    ```lesson-results"
    )


def test_the_slow_imports_begin_at_once_only_where_no_runs_are_stored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun = []
    monkeypatch.setattr(mkdocs_plugin, "prepare", lambda: begun.append("imports"))
    monkeypatch.chdir(tmp_path)
    mkdocs_plugin.LessonsPlugin()
    Path(".cache", "lessons").mkdir(parents=True)
    mkdocs_plugin.LessonsPlugin()
    assert begun == ["imports"]


HOOK = """\
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

@event_priority(100)
def on_files(files, config):
    files.append(File.generated(config, "made.md", content={content!r}))
"""


@pytest.mark.parametrize("name", ["b.markdown", "B.MD"])
def test_a_page_with_a_name_that_tests_do_not_find_is_a_failure(
    site: Site, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    site.write("# A\n")
    site.write(block("1", "2"), name=name)
    (failure,) = site.report(caplog)
    assert failure.startswith(f"docs/{name}:1: a page must have a name that ends in `.md`, not")
    assert "not built, because of 1 failure in lessons" in caplog.text


def test_a_file_that_is_left_out_of_the_site_may_have_any_name(site: Site) -> None:
    site.configure("plugins:", "exclude_docs: b.markdown\nplugins:")
    site.write("# A\n")
    site.write(block("1", "2"), name="b.markdown")
    site.build()


def test_a_page_that_another_plugin_makes_is_left_alone(site: Site) -> None:
    site.configure("strict: true", "strict: true\nhooks: [hook.py]")
    (site.root / "hook.py").write_text(HOOK.format(content="# Made\n\n```py\n1\n```\n"))
    site.write(block("1", "1"))
    site.build()
    assert site.page("made/index.html").select("h1#made")


def test_a_page_that_another_plugin_makes_can_show_no_results(site: Site) -> None:
    site.configure("strict: true", "strict: true\nhooks: [hook.py]")
    (site.root / "hook.py").write_text(HOOK.format(content="```lesson-results\nnone\n```\n"))
    site.write(block("1", "1"))
    site.build()
    assert "lesson-results" in site.page("made/index.html").text


def test_a_site_without_superfences_is_refused(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.configure("  - pymdownx.superfences\n")
    site.report(caplog)
    assert "the lessons plugin needs `pymdownx.superfences` in markdown_extensions" in caplog.text


def test_a_formula_that_cannot_be_drawn_ends_the_build(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.write("# A\n\n$\\frac{$\n")
    site.report(caplog)
    assert "docs/index.md:3: the formula" in caplog.text


def test_a_formula_is_drawn_by_the_build(site: Site) -> None:
    site.write("# A\n\n$a^2$\n")
    site.build()
    assert site.page().select("math")


EXERCISES = "## Exercises\n\n" + "### A\n\n{}".format(block("check_it(1)", "1", "exercise: ★ 5 min")) * 3
JUPYTER = '  - mkdocs-jupyter: {include: ["*.ipynb"], ignore: ["*.md"]}'


def course_lesson(*pieces: str) -> str:
    """A page that is a lesson of the course."""
    check = block("check_it = print", None, "hidden")
    return "".join(["---\nminutes: 30\n---\n\n# Lesson 1: `A`\n\n", check, *pieces, EXERCISES])


def test_each_lesson_of_the_course_offers_its_notebook_and_says_how_to_run_it(site: Site) -> None:
    options = "  - lessons:\n      how_to_run: b.md\nrepo_url: https://github.com/me/course"
    site.configure("  - lessons\nmarkdown_extensions:", f"{options}\nmarkdown_extensions:\n  - attr_list")
    site.write("# Home\n\n[All](notebooks/index.md)\n")
    site.write(course_lesson(block("40 + 2", "42")), name="a.md")
    site.write("# B\n\n", block("2", "2"), name="b.md")
    site.build()
    offers = site.page("a/index.html").select(".lesson-time a")
    assert [(link.text, link["href"]) for link in offers] == [
        ("Download the notebook", "../notebooks/a.ipynb"),
        ("Open in Colab", "https://colab.research.google.com/github/me/course/blob/notebooks/a.ipynb"),
        ("How to run this", "../b/"),
    ]
    assert offers[0]["download"] == "a.ipynb"
    made = site.root / "site" / "notebooks"
    assert '"42\\n"' in (made / "a.ipynb").read_text()
    assert sorted(path.name for path in made.iterdir()) == ["a.ipynb", "index.html", "notebooks.zip"]
    with ZipFile(made / "notebooks.zip") as archive:
        assert archive.read("notebooks/a.ipynb") == (made / "a.ipynb").read_bytes()
    listed = site.page("notebooks/index.html").select("li a[download]")
    assert [(link["href"], link["download"]) for link in listed] == [("a.ipynb", "a.ipynb")]


def test_a_site_without_lessons_of_the_course_has_no_notebooks(site: Site) -> None:
    site.configure("  - lessons", f"  - lessons\n{JUPYTER}")
    site.write("# A\n\n", block("1", "1"))
    site.build()
    assert not site.page().select(".lesson-time")
    assert not (site.root / "site" / "notebooks").exists()


def test_a_notebook_is_shown_by_mkdocs_jupyter_as_another_form_of_its_lesson(site: Site) -> None:
    links = "site_url: https://example.org/\nrepo_url: https://example.org/\nedit_uri: edit/"
    site.configure("  - lessons", f"  - lessons\n{JUPYTER}\n{links}")
    site.write("# Home\n\n## Top\n")
    text = "[1](https://example.org/#top) [2](https://example.org/a/) [3](https://example.com/)\n\n"
    site.write(course_lesson(text, block("40 + 2", "42")), name="a.md")
    site.build()
    page, lesson = site.page("notebooks/a/index.html"), site.page("a/index.html")
    assert "42" in page.text
    assert "Lesson 1: A (notebook)" in page.select("title")[0].text
    assert page.select("link[rel=canonical]")[0]["href"] == "https://example.org/a/"
    assert [str(link["href"]) for link in page.select("p > a") if link.text in "123"] == [
        "../../#top",
        "../../a/",
        "https://example.com/",
    ]
    edit = 'a[href^="https://example.org/edit/"]'
    assert not page.select(edit)
    assert lesson.select(edit)
    assert site.page("notebooks/index.html").select('a[href="a/"]')


@pytest.mark.parametrize(
    ("target", "report"),
    [
        ("b/", "notebooks/a/index.ipynb links to https://example.org/b/, which is not there"),
        ("#b", "the doc 'index.md' does not contain an anchor '#b'"),
    ],
)
def test_a_dead_link_of_a_notebook_ends_a_strict_build(
    site: Site, caplog: pytest.LogCaptureFixture, target: str, report: str
) -> None:
    site.configure("  - lessons", f"  - lessons\n{JUPYTER}\nsite_url: https://example.org/\n{ANCHORS}")
    site.write("# Home\n")
    site.write(course_lesson(f"[A](https://example.org/{target})\n"), name="a.md")
    with pytest.raises(Abort, match="strict"):
        site.build()
    assert report in caplog.text


def test_the_links_of_a_notebooks_page_are_those_of_a_site_for_a_disk(site: Site) -> None:
    addresses = "site_url: https://example.org/\nuse_directory_urls: false\nstrict: true"
    site.configure("  - lessons", f"  - lessons\n{JUPYTER}\n{addresses}")
    site.write("# Home\n\n## Top\n")
    text = "[1](https://example.org/#top) [2](https://example.org/a/)\n"
    site.write(course_lesson(text), name="a.md")
    site.build()
    links = site.page("notebooks/a/index.html").select("p > a")
    assert [link["href"] for link in links if link.text in "12"] == ["../../index.html#top", "../../a.html"]


def test_a_server_shows_the_pages_of_notebooks_when_it_is_asked(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site.configure("  - lessons", f"  - lessons\n{JUPYTER}\nsite_url: https://example.org/")
    site.start("serve")
    site.write(course_lesson("[A](https://example.org/b/)\n"))
    site.build()
    assert (site.root / "site" / "notebooks" / "index.ipynb").exists()
    assert not (site.root / "site" / "notebooks" / "index").exists()
    monkeypatch.setenv("NOTEBOOK_PAGES", "1")
    site.build()
    assert site.page("notebooks/index/index.html").select("h1")
    assert "which is not there" in caplog.text, "but the server goes on"


def test_a_server_offers_no_output_in_the_notebook_of_a_lesson_that_fails(site: Site) -> None:
    site.start("serve")
    notebook = site.root / "site" / "notebooks" / "index.ipynb"
    site.write(course_lesson(block("print(7)", "2")))
    site.build()
    assert '"7\\n"' not in notebook.read_text()
    site.write(course_lesson(block("print(7)", "7")))
    site.build()
    assert '"7\\n"' in notebook.read_text()


def test_a_server_offers_no_notebook_of_a_page_that_is_no_lesson(site: Site) -> None:
    site.start("serve")
    site.write("---\nminutes: 30\n---\n\n# A\n\n```py\n```\n")
    site.build()
    assert site.page().select(".lesson-broken")
    assert not (site.root / "site" / "notebooks").exists()


def test_a_notebook_that_would_be_the_page_of_a_lesson_ends_the_build(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.configure("  - lessons", "  - lessons\n  - mkdocs-jupyter")
    site.write("# A\n")
    site.write("# X\n", name="x.md")
    cells = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    site.write(cells, name="x.ipynb")
    (failure,) = site.report(caplog)
    assert failure == "docs/x.md:1: x.ipynb would be the same page; rename one of them"


FAIL_ONCE_A_LESSON_RUNS = """\
import pathlib, time

def on_nav(nav, config, files):
    while not pathlib.Path({count!r}).exists():
        time.sleep(0.01)
    raise ValueError('no')
"""


def test_a_build_that_ends_in_an_error_of_another_plugin_stops_its_lessons(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(site.root))
    site.configure("strict: true", "strict: true\nhooks: [hook.py]")
    (site.root / "hook.py").write_text(FAIL_ONCE_A_LESSON_RUNS.format(count=str(site.root / ".count")))
    site.write(block(site.counted("while True:\n    x = 1")))
    with pytest.raises(ValueError, match="no"):
        site.build()
    assert not list(site.root.glob("lesson-*"))


BUILD = "mkdocs build"
TEST = "pytest -p lessons_src.engine.pytest_plugin --rootdir=. docs"


def is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "number"), [(BUILD, signal.SIGINT), (BUILD, signal.SIGTERM), (TEST, signal.SIGTERM)]
)
def test_what_is_interrupted_ends_its_lessons_and_its_fork_server(
    site: Site, program: str, number: int
) -> None:
    note = site.root / "running"
    code = f"print(os.getpid(), os.getppid(), os.getcwd(), file=open({str(note)!r}, 'w'), flush=True)"
    site.write(block(f"import os\n{code}\nwhile True: x = 1"))
    with subprocess.Popen(
        [sys.executable, "-m", *program.split()],
        cwd=site.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while not note.exists() or " " not in note.read_text():
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(number)
            assert process.wait(20) != 0
        finally:
            process.kill()
    lesson, server, directory = note.read_text().split()
    assert not Path(directory).exists()
    assert not is_alive(lesson)
    for _ in range(400):  # the server sees that the build has ended, and follows
        if not is_alive(server):
            break
        time.sleep(0.05)
    assert not is_alive(server)


def test_the_end_of_a_server_ends_its_lessons(site: Site) -> None:
    note = site.root / "running"
    site.write(block(f"import os\nopen({str(note)!r}, 'w').write(f'{{os.getpid()}} ')\nwhile True: x = 1"))
    config = load_config(str(site.root / "mkdocs.yml"))
    config.plugins.on_config(config)
    config.plugins.on_files(get_files(config), config=config)
    while not note.exists() or " " not in note.read_text():
        time.sleep(0.02)
    config.plugins.on_shutdown()
    assert not is_alive(note.read_text())


def test_a_lesson_that_another_plugin_leaves_out_is_checked_all_the_same(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.configure("strict: true", "strict: true\nhooks: [hook.py]")
    hook = "def on_files(files, config):\n    files.remove(files.get_file_from_path('b.md'))\n"
    (site.root / "hook.py").write_text(hook)
    site.write("# A\n")
    site.write(block("1", "2"), name="b.md")
    assert len(site.report(caplog)) == 1
    site.write(block("1", "1"), name="b.md")
    site.build()
    assert not (site.root / "site" / "b").exists()


# The cache


def test_a_lesson_runs_again_only_when_its_code_changes(site: Site) -> None:
    site.write("# A\n\n", block(site.counted("1"), "1"))
    site.build()
    site.write("# B\n\n", block(site.counted("1"), "1"))
    site.build()
    assert site.count == 1
    assert site.page().select("h1")[0].text == "B"
    site.write("# B\n\n", block(site.counted("2"), "2"))
    site.build()
    assert site.count == 2


def test_a_lesson_runs_again_when_a_file_changes_that_it_reads(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    (site.root / "helper.py").write_text("answer = 1\n")
    site.write(block(f"import sys\nsys.path.append({str(site.root)!r})\nimport helper\nhelper.answer", "1"))
    site.build()
    (site.root / "helper.py").write_text("answer = 7\n")
    (failure,) = site.report(caplog)
    assert "    -1\n    +7" in failure


@pytest.mark.parametrize("jupyter", ["", f"\n{JUPYTER}"], ids=["alone", "shown"])
def test_a_cache_that_cannot_be_written_to_ends_no_build(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, jupyter: str
) -> None:
    monkeypatch.chdir(site.root)  # where mkdocs-jupyter has its cache
    site.configure("  - lessons", f"  - lessons{jupyter}")
    (site.root / ".cache").touch()
    site.write(course_lesson(block("1", "1")))
    site.build()
    assert caplog.text.count("runs cannot be stored") == 1
    assert site.page().select("samp")[0].text == "1"
    assert (site.root / "site" / "notebooks" / "index.ipynb").exists()
    assert (site.root / "site" / "notebooks" / "index").exists() == bool(jupyter)


def test_a_lesson_does_not_run_again_when_the_configuration_is_named_another_way(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write(block(site.counted("1"), "1"))
    site.build()
    monkeypatch.chdir(site.root)
    with Path("mkdocs.yml").open("rb") as file:  # as `--config-file mkdocs.yml` does
        build(load_config(file))
    assert site.count == 1


def test_a_lesson_that_changes_runs_alone(site: Site) -> None:
    site.write(block(site.counted("1"), "1"))
    site.write(block("1", "1"), name="b.md")
    site.build()
    site.write(block("2", "2"), name="b.md")
    site.build()
    assert site.count == 1
    assert site.page("b/index.html").select("samp")[0].text == "2"


def test_a_stored_output_that_is_wrong_fails_though_the_run_is_cached(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.write(block(site.counted("1"), "1"))
    site.build()
    site.write(block(site.counted("1"), "2"))
    assert len(site.report(caplog)) == 1


def test_a_failure_is_never_cached(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.write(block(site.counted("1 / 0")))
    assert site.report(caplog) == site.report(caplog)
    assert site.count == 2
    assert not list((site.root / ".cache").rglob("*.json"))


def test_a_damaged_cache_is_no_cache(site: Site) -> None:
    site.write(block(site.counted("1"), "1"))
    site.build()
    (file,) = (site.root / ".cache").rglob("*.json")
    file.write_text("[null]")
    site.build()
    assert site.count == 2
    assert site.page().select("samp")[0].text == "1"
    site.build()
    assert site.count == 2


# A server


def test_a_server_refuses_a_port_that_is_taken_before_it_builds(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.write(block(site.counted("1"), "1"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        site.configure("127.0.0.1:0", f"127.0.0.1:{port}")
        site.start("serve")
        site.report(caplog)
    assert f"port {port} cannot be used: Address already in use. End what uses it" in caplog.text
    assert not (site.root / ".count").exists()
    site.build()
    with socket.create_server(("127.0.0.1", port)):  # the server's own, from now on
        site.build()


def test_a_lesson_that_fails_when_the_server_starts_is_shown_as_failing(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.start("serve")
    site.write(block("1 <2", "<b>"))
    site.write("# B\n", name="b.md")
    site.build()
    alert = site.page().select(".lesson-broken[role=alert]")[0]
    assert "It has not run since the server started." in alert.text
    assert "docs/index.md:2: the output differs from the stored one\n    1 <2\n" in alert.text
    assert site.page().select("code")[0].text == "1 <2\n"
    assert not site.page().select(".lesson-output")
    assert not site.page("b/index.html").select(".lesson-broken")
    assert "docs/index.md:2:" in caplog.text
    assert caplog.messages[-1] == "1 of 2 pages fail: docs/index.md"
    site.write("# A\n")
    caplog.clear()
    site.build()
    assert "fail" not in caplog.text


@pytest.mark.parametrize("broken", [block("1", "3"), "```py\n```\n"])
def test_a_lesson_that_comes_to_fail_keeps_its_last_good_page_until_it_is_mended(
    site: Site, broken: str
) -> None:
    site.start("serve")
    for _ in range(2):
        site.write("# Good\n\n", block("1", "1"))
        site.build()
        assert not site.page().select(".lesson-broken")
        site.write("# Bad\n\n", broken)
        for _ in range(2):
            site.build()
            page = site.page()
            assert "Below is the page as it last ran." in page.select(".lesson-broken")[0].text
            assert page.select("h1")[0].text == "Good"
            assert page.select(".lesson-output samp")[0].text == "1"


DOT = block("class A:\n    def _repr_svg_(self): return '<svg/>'\nprint(1)\nA()", "1", "figure: A dot.")


def test_a_page_that_fails_by_its_formula_alone_shows_no_part_of_its_results(site: Site) -> None:
    site.start("serve")
    site.write("# A\n\n$\\frac{$\n\n", DOT)
    site.build()
    assert "Below is the page without its outputs." in site.page().select(".lesson-broken")[0].text
    assert not site.page().select(".lesson-output, figure")
    assert "<!-- live" not in site.page().decode()


def test_the_last_good_page_keeps_its_figures(site: Site) -> None:
    site.start("serve")
    for text in ["# Good\n\n", "# Bad\n\n$\\frac{$\n\n", "```py\n```\n\n"]:
        site.write(text, DOT)
        site.build()
        assert len(site.page().select("figure svg[aria-label='A dot.']")) == 1
    assert site.page().select(".lesson-broken")


SAVED = {
    "prose": course_lesson("More.\n\n", block("x = 1  # first\nx", "1")),
    "a mistake": course_lesson(block("x = 1\nx", "2")),
    "code": course_lesson(block("# first\nx = 2\nx", "2")),
}


@pytest.fixture
def dirty(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose server has built it once."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    site.configure("theme: mkdocs\n", "theme: {name: mkdocs, custom_dir: theme}\n")
    (site.root / "theme").mkdir()
    site.write("# Home\n\n", block("1 + 1", "2"))
    site.write(course_lesson(block("x = 1\nx", "1")), name="a.md")
    site.write(course_lesson(block("3", "3"), "[A](a.md)\n"), name="b.md")
    site.write("# Words\n", name="words.md")
    site.start("serve", dirty=True)
    site.build()
    return site


@pytest.fixture
def course(dirty: Site) -> Site:
    """The same site, with this course's plugins, theme and hooks."""
    for name in ("assets", ".overrides"):
        shutil.copytree(ROOT / "docs" / name, dirty.root / "docs" / name)
    (dirty.root / "lessons_src").symlink_to(ROOT / "lessons_src")
    configuration = (
        (ROOT / "mkdocs.yml").read_text(encoding="utf-8").replace("how_to_run: setup.md", "live: true")
    )
    configuration = re.sub(r"^nav:\n(?:  .*\n)+", "", configuration, flags=re.MULTILINE)
    configuration = configuration.replace("strict: true", "strict: false")
    (dirty.root / "mkdocs.yml").write_text(f"{configuration}\ndev_addr: 127.0.0.1:0\n")
    dirty.write(
        '---\ndescription: A "quotation"\n---\n\n# The reference\n\n::: lessons_src.LineFit\n', name="r.md"
    )
    dirty.write('# Glossary\n\n### Leaf\n\nA "tensor".\n\nMore.\n', name="glossary.md")
    dirty.start("serve", dirty=True)
    dirty.build()
    return dirty


@pytest.mark.parametrize("broken", [block("1", "3"), "<!-- predikt: x -->\n" + block("1", "1")])
def test_a_failing_page_has_no_warning_of_links_that_it_does_not_show(
    course: Site, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    course.write("# Good\n\n## Then\n\n", block("1", "1"), name="b.md")
    course.build()
    course.write("# Bad\n\n## Now\n\n", broken, name="b.md")
    course.build()
    assert "fails" in course.page("b/index.html").select(".lesson-broken")[0].text
    assert "anchor" not in caplog.text


def contents(site: Site) -> dict[str, object]:
    """What a server has to show: each file's content, and the search's entries, whose order is any."""
    files = {
        file.relative_to(site.root / "site").as_posix(): file for file in (site.root / "site").rglob("*")
    }
    del files["objects.inv"]  # for other sites
    index = json.loads(files.pop("search/search_index.json").read_text())
    found: dict[str, object] = {name: file.read_bytes() for name, file in files.items() if file.is_file()}
    return found | {"search": sorted(map(json.dumps, index["docs"]))}


def built_again(site: Site) -> set[str]:
    """The pages that the next build of a server writes."""
    written = {file: file.stat().st_mtime_ns for file in (site.root / "site").rglob("index.html")}
    site.build()
    return {
        file.parent.name
        for file, time in written.items()
        if not file.exists() or file.stat().st_mtime_ns != time
    }


def test_a_server_builds_only_the_lesson_that_was_saved_and_shows_what_it_would_if_it_built_all(
    course: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for what, text in SAVED.items():
        caplog.clear()
        course.write(text, name="a.md")
        assert built_again(course) == {"a"}
        if what == "a mistake":
            assert "1 of 6 pages fail: docs/a.md" in caplog.text
            assert course.page("a/index.html").select(".lesson-broken")
            continue
        assert not caplog.records
        one = contents(course)
        course.start("serve", dirty=True)
        course.build()
        everything = contents(course)
        assert one.keys() == everything.keys()
        assert {name for name in one if one[name] != everything[name]} == set(), what


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", course_lesson(block("x = 1\nx", "1"), "## A section\n\n")),
        ("a.md", course_lesson(block("x = 1\nx", "1")).replace("minutes: 30", "minutes: 35")),
        ("a.md", course_lesson(block("x = 1\nx", "1")).replace("# Lesson 1", "# Lesson 2")),
        ("a.md", course_lesson(block("x = 1\nx", "1"), "A word\n{ #anchor }\n\n")),
        ("a.md", course_lesson(block("x = 1\nx", "1"), "A section\n---------\n\n")),
        ("a.md", course_lesson(block("x = 1\nx", "1"), "::: lessons_src.fit_line\n\n")),
        ("a.md", course_lesson(block("x = 1\nx", "1"), "[A line][lessons_src.fit_line]\n\n")),
        ("index.md", "# Home\n\nMore.\n\n" + block("1 + 1", "2")),
        ("words.md", "# Words\n\nMore of them.\n"),
        ("data.csv", "1,2\n"),
        ("../theme/main.html", "{% extends 'base.html' %}"),
    ],
)
def test_a_server_builds_all_pages_if_others_may_depend_on_what_was_saved(
    dirty: Site, name: str, text: str
) -> None:
    dirty.write(text, name=name)
    assert built_again(dirty) == {"site", "a", "b", "words", "notebooks"}


def test_a_server_builds_all_pages_if_two_were_saved_or_one_is_gone(dirty: Site) -> None:
    for name in ("a.md", "b.md"):
        dirty.write(course_lesson("More.\n\n", block("x = 1\nx", "1")), name=name)
    assert built_again(dirty) == {"site", "a", "b", "words", "notebooks"}
    (dirty.root / "docs" / "words.md").unlink()
    assert built_again(dirty) == {"site", "a", "b", "words", "notebooks"}
    assert not (dirty.root / "site" / "words").exists()


def test_a_server_builds_all_pages_while_another_page_fails(dirty: Site) -> None:
    everything = {"site", "a", "b", "words", "notebooks"}
    for name in ("a.md", "b.md"):
        dirty.write(course_lesson(block("1", "2")), name=name)
    assert built_again(dirty) == everything
    dirty.write(course_lesson(block("1", "1")), name="a.md")
    assert built_again(dirty) == everything
    dirty.write(course_lesson(block("1", "1")), name="b.md")
    assert built_again(dirty) == {"b"}


def test_a_server_builds_no_page_if_nothing_has_changed_but_the_one_that_fails(dirty: Site) -> None:
    # As pytest does beside it, which a server notices.
    (dirty.root / "theme" / "__pycache__").mkdir()
    (dirty.root / "theme" / "__pycache__" / "hooks.pyc").touch()
    assert built_again(dirty) == set()
    dirty.write(SAVED["a mistake"], name="a.md")
    assert built_again(dirty) == {"a"}
    assert built_again(dirty) == {"a"}
    assert dirty.page("a/index.html").select(".lesson-broken")


def test_a_page_that_is_put_back_while_another_is_saved_shows_no_failure(dirty: Site) -> None:
    good = (dirty.root / "docs" / "a.md").read_text()
    dirty.write(SAVED["a mistake"], name="a.md")
    assert built_again(dirty) == {"a"}
    dirty.write(good, name="a.md")
    dirty.write(course_lesson("More.\n\n", block("3", "3")), name="b.md")
    dirty.build()
    assert not dirty.page("a/index.html").select(".lesson-broken")


def test_a_block_that_is_not_shown_as_a_fence_is_named_on_its_page(site: Site) -> None:
    site.start("serve")
    site.write("# A\n\n1) One\n\n", block("1", "1", indent="    "))
    site.build()
    assert (
        "docs/index.md:6: Markdown does not show this block" in site.page().select(".lesson-broken")[0].text
    )


def test_a_server_watches_the_modules_that_lessons_import(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[str] = []
    server = LiveReloadServer(builder=site.build, host="127.0.0.1", port=0, root=str(site.root))
    monkeypatch.setattr(server, "watch", watched.append)
    config = load_config(str(site.root / "mkdocs.yml"))
    config.plugins.on_serve(server, config=config, builder=site.build)
    server.server_close()
    assert watched == [str(Path(engine.__file__).parents[1])]
    config.plugins.on_shutdown()


@pytest.mark.parametrize(
    ("address", "option", "is_live"),
    [
        ("127.0.0.1:0", "", True),
        ("localhost:0", "", True),
        ("[::1]:0", "", True),
        ("127.0.0.1:0", "\n      live: false", False),
        ("0.0.0.0:0", "", False),
    ],
)
def test_only_a_server_that_this_machine_alone_reaches_lets_readers_run_code(
    site: Site, caplog: pytest.LogCaptureFixture, address: str, option: str, is_live: bool
) -> None:
    site.configure("- lessons\n", f"- lessons:{option or ' {}'}\n")
    site.start("serve")
    site.write(block("1 + 1", "2"))
    config = load_config(str(site.root / "mkdocs.yml"), site_dir=str(site.root / "site"), dev_addr=address)
    build(config)
    assert "<!-- live block {" in (site.root / "site" / "index.html").read_text(encoding="utf-8")
    server = LiveReloadServer(builder=site.build, host="127.0.0.1", port=0, root=str(site.root / "site"))
    own = server.get_app()
    config.plugins.on_serve(server, config=config, builder=site.build)
    assert isinstance(server.get_app(), Laboratory) is is_live
    assert (server.get_app() == own) is not is_live
    config.plugins.on_shutdown()
    server.server_close()
    warned = [r.message for r in caplog.records if "blocks cannot be edited" in r.message]
    assert [f"others can reach {address[:-2]}" in each for each in warned] == [True] * (
        not is_live and not option
    )


def test_nothing_of_the_laboratory_is_in_a_build(site: Site) -> None:
    site.write(block("1 + 1", "2"))
    site.build()
    for file in (site.root / "site").rglob("*"):
        assert file.is_dir() or b"live" not in file.read_bytes().replace(b"livereload", b""), file


@pytest.fixture
def module(site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of a package of the site's own, with a page of its docstrings and a lesson that imports it."""
    package = site.root / "teaching"
    package.mkdir()
    monkeypatch.setattr(mkdocs_plugin, "_PACKAGE", package)
    monkeypatch.syspath_prepend(site.root)
    site.configure("  - lessons", "  - lessons\n  - mkdocstrings")
    site.write("# Home\n\n", block("1", "1"))
    site.write("# Reference\n\n::: teaching.answer\n", name="reference.md")
    site.write("# Lesson\n\n", block("from teaching import answer\nanswer()", "1"), name="lesson.md")
    (package / "__init__.py").write_text('def answer():\n    """Say it."""\n    return 1\n')
    return package / "__init__.py"


def test_a_module_that_is_not_python_ends_a_build_in_one_message(
    site: Site, module: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module.write_text("def answer():\n    return (1\n")
    assert site.report(caplog) == [
        "teaching/__init__.py:2: this module is not Python: '(' was never closed\n    return (1"
    ]
    assert "not built, because of 1 failure in lessons" in caplog.text


def test_a_server_names_a_module_that_is_not_python_on_the_pages_that_need_it_until_it_is_mended(
    site: Site, module: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def failing() -> dict[str, str]:
        site.build()
        pages = {name: site.page(f"{name}/index.html") for name in (".", "reference", "lesson")}
        return {name: page.text for name, page in pages.items() if page.select(".lesson-broken")}

    good = module.read_text()
    site.start("serve")
    assert failing() == {}
    module.write_text("def answer():\n    return (1\n")
    caplog.clear()
    pages = failing()
    assert pages.keys() == {"reference", "lesson"}
    for text in pages.values():
        assert "teaching/__init__.py:2: this module is not Python: '(' was never closed" in text
    assert "Say it." in pages["reference"]
    assert "docs/lesson.md:4: this line raises" in pages["lesson"]
    assert caplog.text.count("teaching/__init__.py:2:") == 1
    module.write_text(good)
    assert failing() == {}


class Server:
    """`mkdocs serve` of a project with a teaching module of its own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        package = site.root / "lessons_src"
        package.mkdir()
        (package / "__init__.py").touch()
        for name in ("engine", "palette.py"):
            (package / name).symlink_to(Path(engine.__file__).parents[1] / name)
        self.module = package / "teaching.py"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"

    def start(self) -> None:
        command = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", self.address]
        self.log = (self.site.root / ".log").open("w+")
        self.process = subprocess.Popen(
            command,
            cwd=self.site.root,
            env={**os.environ, "PYTHONPATH": str(self.site.root)},
            stdout=self.log,
            stderr=self.log,
        )

    def stop(self) -> None:
        for _ in range(2):  # as somebody in a hurry does
            self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        self.log.close()

    def wait_for(self, words: str, but_not: str = "§") -> str:
        """The page, once it says `words`; the server must live on meanwhile."""
        for _ in range(4000):  # a busy machine takes its time to start
            assert self.process.poll() is None, Path(self.log.name).read_text()
            with suppress(OSError), urllib.request.urlopen(f"http://{self.address}/") as response:
                page = str(response.read().decode())
                if words in page and but_not not in page:
                    return page
            time.sleep(0.05)
        raise AssertionError(Path(self.log.name).read_text())


@pytest.fixture
def server(site: Site) -> Iterator[Server]:
    made = Server(site)
    made.module.write_text("answer = 1\n")
    site.write("# A\n\n", block("from lessons_src.teaching import answer\nanswer", "1"))
    site.write("# B\n\n", block(site.counted("1"), "1"), name="b.md")
    shutil.rmtree(site.root / ".cache", ignore_errors=True)
    made.start()
    yield made
    made.stop()


@pytest.mark.slow
def test_a_server_shows_what_is_wrong_keeps_the_last_good_page_and_runs_new_code(server: Server) -> None:
    good = server.wait_for("<samp>1</samp>")
    assert "lesson-broken" not in good

    server.site.write("# A, edited\n\n", block("from lessons_src.teaching import answer\nanswer", "5"))
    page = server.wait_for("lesson-broken")
    assert "docs/index.md:5: the output differs from the stored one\n    answer\n" in page
    assert "<samp>1</samp>" in page
    assert "A, edited" not in page

    server.site.write("# A, mended\n\n", block("from lessons_src.teaching import answer\nanswer", "1"))
    server.wait_for("A, mended", but_not="lesson-broken")
    assert server.site.count == 1

    server.module.write_text("answer = 7\n")
    page = server.wait_for("lesson-broken")
    assert "    -1\n    +7" in page

    server.site.write("# A\n\n", block("from lessons_src.teaching import answer\nanswer", "7"))
    server.wait_for("<samp>7</samp>", but_not="lesson-broken")
