"""Run every lesson in a site build and show its outputs; only this module knows MkDocs."""

import contextlib
import logging
import os
import posixpath
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from jinja2 import Environment
from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.livereload import LiveReloadServer
from mkdocs.plugins import BasePlugin, event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page as SitePage

from lessons_src.engine.caching import RunCache
from lessons_src.engine.failures import Failure, check_lesson, syntax_failures
from lessons_src.engine.formulas import FormulaError, draw_formulas
from lessons_src.engine.lesson import Lesson, LessonRun
from lessons_src.engine.notebook import notebook
from lessons_src.engine.page import (
    RESULTS,
    Page,
    fill_in,
    placeholder,
    render_failures,
    render_page,
    render_results,
    unseen_blocks,
)
from lessons_src.engine.parsing import LessonSyntaxError, read_lesson, syntax_error
from lessons_src.engine.progress import BuildRuns
from lessons_src.engine.running import interrupt_when_ended, prepare

_build_log = logging.getLogger("mkdocs.plugins.lessons")
# Under `serve`, a warning in MkDocs' own log would end a strict build, and with it the reload.
_serve_log = logging.getLogger("lessons")

_PACKAGE = Path(__file__).parents[1]
# What mkdocstrings puts the docstrings of a module in place of
_DOCSTRINGS = re.compile(r"^ *::: ", re.MULTILINE)
_SUPERFENCES = "pymdownx.superfences"
# The parts of a page that depend on its lesson.
_PARTS = ("title", "meta", "content", "toc", "present_anchor_ids")


class LessonsConfig(Config):
    """The plugin's options in `mkdocs.yml`."""

    notebooks = config_options.ListOfItems(config_options.Type(str), default=[])
    """The lessons that get a notebook, by their path under `docs`."""


@dataclass
class _Outcome:
    """One Markdown file in this build: its lesson and its page, and what is wrong with them."""

    failures: list[Failure] = field(default_factory=list)
    lesson: Lesson | None = None
    page: Page | None = None
    site_page: SitePage | None = None


class LessonsPlugin(BasePlugin[LessonsConfig]):
    """Runs the lessons of a site, once a build, and puts their results into their pages.

    MkDocs renders the pages while the lessons run; results go into the rendered pages, last.
    """

    def __init__(self) -> None:
        super().__init__()
        # The server's imports take seconds; from here on they run in parallel with those of other plugins.
        prepare()

    def on_startup(self, *, command: Literal["build", "gh-deploy", "serve"], dirty: bool) -> None:
        self.serving = command == "serve"
        interrupt_when_ended()
        self.last_good: dict[str, SitePage] = {}
        self.outcomes: dict[str, _Outcome] = {}
        self.cleanup = contextlib.ExitStack()

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        if self.serving and not self.outcomes:
            # MkDocs takes the port after this first build, which may be a minute's work.
            _try_port(*config.dev_addr)
        if _SUPERFENCES not in config.markdown_extensions:
            raise PluginError(f"the lessons plugin needs `{_SUPERFENCES}` in markdown_extensions")
        fences = config.mdx_configs.setdefault(_SUPERFENCES, {}).setdefault("custom_fences", [])
        fences.append({"name": RESULTS, "class": RESULTS, "format": self._format_results})
        # In a server's first build this path may be relative; in later builds it is absolute.
        self.root = Path(config.config_file_path or "mkdocs.yml").resolve().parent
        self.cache = RunCache(self.root / ".cache" / "lessons", self.root, Path(config.site_dir))
        return config

    # Before mkdocs-jupyter, so that it finds the notebooks.
    @event_priority(50)
    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """Start to run every lesson of the site."""
        self.broken = _broken_modules()
        if not self.serving:
            self._report(self.broken)
        self.outcomes = self._parse(files)
        self.notebooks = self._notebook_folder(config)
        for name in self.config.notebooks:
            if name not in self.outcomes:
                raise PluginError(f"lessons.notebooks must name lessons in docs, not {name!r}")
            if self.outcomes[name].lesson:
                files.append(self._notebook_file(name, config))
        # Lessons with a notebook first, because the build waits for them first.
        names = dict.fromkeys([*self.config.notebooks, *self.outcomes])
        lessons = [lesson for name in names if (lesson := self.outcomes[name].lesson)]
        self.runs = BuildRuns(lessons, self.cache, _build_log)
        self.cleanup.callback(self.runs.stop)
        return files

    # Before mkdocs-jupyter, which reads the notebook in the same event.
    @event_priority(50)
    def on_pre_page(self, page: SitePage, *, config: MkDocsConfig, files: Files) -> SitePage:
        for name in self.config.notebooks:
            if page.file.src_uri == _notebook_place(name):
                self._write_notebook(name, config)
                # A notebook is not edited; its lesson is.
                page.edit_url = None
        return page

    def on_page_read_source(self, *, page: SitePage, config: MkDocsConfig) -> str | None:
        name = page.file.src_uri
        outcome = self.outcomes.get(name)
        if outcome is None:
            return None
        if outcome.page is None:
            return f"# {Path(name).stem}\n"
        if name not in self.config.notebooks:
            return outcome.page.markdown
        link = posixpath.relpath(_notebook_place(name), posixpath.dirname(name))
        return f"{outcome.page.markdown}\n\n[This lesson as a notebook, as it was run]({link})\n"

    def on_page_content(self, html: str, *, page: SitePage, config: MkDocsConfig, files: Files) -> str:
        name = page.file.src_uri
        outcome = self.outcomes.get(name)
        if outcome is None:
            if name in map(_notebook_place, self.config.notebooks):
                page.meta["search"] = {"exclude": True}  # the lesson has the same words
            return html
        outcome.site_page = page
        if outcome.lesson and outcome.page:
            outcome.failures += unseen_blocks(outcome.lesson, outcome.page, html)
            try:
                html = draw_formulas(html)
            except FormulaError as error:
                line = error.find_in(page.file.content_string)
                outcome.failures.append(Failure(f"docs/{name}", line, str(error)))
        return html

    def on_env(self, env: Environment, *, config: MkDocsConfig, files: Files) -> Environment:
        """Put the results into the pages, and end the build if a lesson fails."""
        for name, outcome in self.outcomes.items():
            self._finish(name, outcome)
        for name in self.config.notebooks:
            self._write_notebook(name, config)  # for a site without mkdocs-jupyter
        self.runs.stop()
        self.cache.forget_all_but(outcome.lesson for outcome in self.outcomes.values() if outcome.lesson)
        found = (failure for outcome in self.outcomes.values() for failure in outcome.failures)
        self._report(list(dict.fromkeys(found)))
        return env

    def on_post_build(self, *, config: MkDocsConfig) -> None:
        self.cleanup.close()
        failing = [f"docs/{name}" for name, outcome in self.outcomes.items() if outcome.failures]
        if failing:  # under `serve`; it has said why, but a page or more above
            _serve_log.error("%d of %d pages fail: %s", len(failing), len(self.outcomes), ", ".join(failing))

    def on_build_error(self, *, error: Exception) -> None:
        self.cleanup.close()

    def on_shutdown(self) -> None:
        self.cleanup.close()  # after Ctrl-C, which is no build error

    def on_serve(
        self, server: LiveReloadServer, *, config: MkDocsConfig, builder: Callable[..., None]
    ) -> LiveReloadServer:
        server.watch(str(_PACKAGE))
        return server

    def _parse(self, files: Files) -> dict[str, _Outcome]:
        outcomes = {}
        for file in files.documentation_pages():
            # Notebooks, and files that other plugins make, are not lessons.
            if file.src_uri.endswith(".ipynb") or file.abs_src_path is None:
                continue
            outcomes[file.src_uri] = outcome = _Outcome()
            try:
                outcome.lesson = read_lesson(Path(file.abs_src_path), self.root)
            except LessonSyntaxError as error:
                outcome.failures = syntax_failures(error)
                continue
            if self.broken and _DOCSTRINGS.search(outcome.lesson.text):
                # mkdocstrings would end the build, and with it the reload, with an exception of its own.
                outcome.lesson, outcome.failures = None, [*self.broken]
            else:
                outcome.page = render_page(outcome.lesson)
        return outcomes

    def _finish(self, name: str, outcome: _Outcome) -> None:
        """Wait for a lesson's run, check it, and fill in its page; if it fails, show the last good page."""
        results = {}
        if outcome.lesson:
            run = self.runs.result(outcome.lesson)
            failures = check_lesson(outcome.lesson, run)
            if failures:
                failures = self.broken + failures  # for a lesson that imports such a module fails
            else:
                self.cache.store(outcome.lesson, run)
                results = render_results(outcome.lesson, run)
            outcome.failures = failures + outcome.failures
        if outcome.site_page is None:
            return  # another plugin has left it out
        if outcome.failures:
            self._show_failures(name, outcome.site_page, outcome.failures)
        else:
            outcome.site_page.content = fill_in(outcome.site_page.content or "", results)
            self.last_good[name] = outcome.site_page

    def _show_failures(self, name: str, page: SitePage, failures: list[Failure]) -> None:
        """Show the failures, above the last good page if there is one."""
        good = self.last_good.get(name)
        if good:
            for part in _PARTS:
                setattr(page, part, getattr(good, part))
        page.content = render_failures(failures, kept=good is not None) + (page.content or "")

    def _report(self, failures: list[Failure]) -> None:
        """Log each failure; end a build, but not a server."""
        log = _serve_log if self.serving else _build_log
        for failure in failures:
            log.error("%s", failure)
        if failures and not self.serving:
            count = "1 failure" if len(failures) == 1 else f"{len(failures)} failures"
            raise PluginError(f"not built, because of {count} in lessons")

    def _notebook_folder(self, config: MkDocsConfig) -> Path:
        folder = self.cache.directory
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder  # the same in each build, or mkdocs-jupyter would convert the notebooks anew
        if jupyter := config.plugins.get("mkdocs-jupyter"):
            jupyter.config["cache"] = False  # it would end the build, because its folder is beside this one
        return Path(self.cleanup.enter_context(TemporaryDirectory(prefix="notebooks-")))

    def _notebook_file(self, name: str, config: MkDocsConfig) -> File:
        return File(
            _notebook_place(name),
            # mkdocs-jupyter reads the file from here; it cannot read a `File.generated`.
            src_dir=str(self.notebooks),
            dest_dir=config.site_dir,
            use_directory_urls=config.use_directory_urls,
        )

    def _write_notebook(self, name: str, config: MkDocsConfig) -> None:
        """Write a lesson as a notebook, without outputs if it fails."""
        lesson = self.outcomes[name].lesson
        if lesson is None:
            return
        run = self.runs.result(lesson)
        if check_lesson(lesson, run):
            run = LessonRun([None] * len(run.blocks))
        path = self.notebooks / _notebook_place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        site, repository = config.site_url or "", config.repo_url or ""
        path.write_text(notebook(lesson, run, site=site, repository=repository), encoding="utf-8")

    def _format_results(self, source: str, *args: object, **kwargs: object) -> str:
        """Return the HTML of a fence of results; SuperFences calls this."""
        key = source.strip()
        if any(outcome.page and key in outcome.page.lines for outcome in self.outcomes.values()):
            return placeholder(key)
        # SuperFences then shows the fence as it is. Parsing refuses it in a lesson.
        raise KeyError(key)


def _try_port(host: str, port: int) -> None:
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as MkDocs does
            server.bind((host, port))
    except OSError as error:
        raise PluginError(
            f"port {port} cannot be used: {error.strerror}. End what uses it, or take another: "
            f".venv/bin/mkdocs serve --no-strict --livereload --dev-addr {host}:{port + 1}"
        ) from None


def _broken_modules() -> list[Failure]:
    """Return a failure for each module of the package that is not Python."""
    return [
        Failure(
            file.relative_to(_PACKAGE.parent).as_posix(),
            error.lineno or 1,
            f"this module is not Python: {error.msg}",
            (error.text or "").strip(),
        )
        for file in sorted(_PACKAGE.rglob("*.py"))
        if (error := syntax_error(file.read_bytes()))
    ]


def _notebook_place(name: str) -> str:
    return posixpath.splitext(f"notebooks/{name}")[0] + ".ipynb"
