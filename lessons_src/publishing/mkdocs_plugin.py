"""The site build runs every lesson and shows what it showed; only this module knows MkDocs."""

import logging
import posixpath
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.livereload import LiveReloadServer
from mkdocs.plugins import BasePlugin, event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page as SitePage

from lessons_src.publishing.caching import RunCache
from lessons_src.publishing.checking import Failure, check_lesson, syntax_failures
from lessons_src.publishing.formulas import FormulaError, draw_formulas
from lessons_src.publishing.lesson import Lesson
from lessons_src.publishing.notebooks import notebook
from lessons_src.publishing.parsing import LessonSyntaxError, read_lesson
from lessons_src.publishing.rendering import RESULTS, Page, render_failures, render_page
from lessons_src.publishing.results import LessonRun
from lessons_src.publishing.running import prepare, run_lessons

_build_log = logging.getLogger("mkdocs.plugins.lessons")
# Under `serve`, a warning in MkDocs' own log would end a strict build, and with it the reload.
_serve_log = logging.getLogger("lessons")

_SUPERFENCES = "pymdownx.superfences"
_UNSEEN = (
    "Markdown does not show this block as a fence; "
    "indent it by 4 for each list, admonition or tab that it stands in"
)


class LessonsConfig(Config):
    """What `mkdocs.yml` may say of the plugin."""

    notebooks = config_options.ListOfItems(config_options.Type(str), default=[])
    """Lessons, by their place under `docs`, that get a notebook."""


@dataclass
class _Outcome:
    """What became of one file in this build."""

    failures: list[Failure] = field(default_factory=list)
    page: Page | None = None


class LessonsPlugin(BasePlugin[LessonsConfig]):
    """Runs the lessons of a site, once a build, and puts their results into their pages."""

    def __init__(self) -> None:
        super().__init__()
        # MkDocs has only begun: the server's imports take seconds, and run beside those of other plugins.
        prepare()

    def on_startup(self, *, command: Literal["build", "gh-deploy", "serve"], dirty: bool) -> None:
        self.serving = command == "serve"
        self.last_good: dict[str, Page | None] = {}
        self.outcomes: dict[str, _Outcome] = {}

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        if _SUPERFENCES not in config.markdown_extensions:
            raise PluginError(f"the lessons plugin needs `{_SUPERFENCES}` in markdown_extensions")
        fences = config.mdx_configs.setdefault(_SUPERFENCES, {}).setdefault("custom_fences", [])
        fences.append({"name": RESULTS, "class": RESULTS, "format": self._format_results})
        self.root = Path(config.config_file_path).parent if config.config_file_path else Path.cwd()
        self.cache = RunCache(self.root / ".cache" / "lessons")
        return config

    # Before mkdocs-jupyter, which is to find the notebooks.
    @event_priority(50)
    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """Run every lesson of the site, and fail the build unless all of them are as they say."""
        lessons = self._parse(files)
        for (name, lesson), run in zip(lessons.items(), self._run(lessons.values()), strict=True):
            outcome = self.outcomes[name]
            outcome.failures = check_lesson(lesson, run)
            if outcome.failures:
                continue
            self.cache.store(lesson, run)
            outcome.page = render_page(lesson, run)
            if name in self.config.notebooks:
                files.append(self._notebook(name, lesson, run, config))
        if missing := [name for name in self.config.notebooks if name not in self.outcomes]:
            raise PluginError(f"lessons.notebooks names {missing[0]!r}, and there is no such lesson in docs")
        self.cache.forget_all_but(lessons.values())
        self._report([failure for outcome in self.outcomes.values() for failure in outcome.failures])
        return files

    def on_page_read_source(self, *, page: SitePage, config: MkDocsConfig) -> str | None:
        name = page.file.src_uri
        outcome = self.outcomes.get(name)
        if outcome is None:
            return None
        shown = self._page(name)
        if shown is None:
            return f"# {Path(name).stem}\n"
        if name not in self.config.notebooks or outcome.failures:
            return shown.markdown
        link = posixpath.relpath(_notebook_place(name), posixpath.dirname(name))
        return f"{shown.markdown}\n\n[This lesson as a notebook, as it was run]({link})\n"

    def on_pre_page(self, page: SitePage, *, config: MkDocsConfig, files: Files) -> SitePage:
        if page.file.src_uri.startswith("notebooks/"):
            # What one edits is the lesson.
            page.edit_url = None
        return page

    def on_page_content(self, html: str, *, page: SitePage, config: MkDocsConfig, files: Files) -> str:
        name = page.file.src_uri
        outcome = self.outcomes.get(name)
        if outcome is None:
            return html
        if outcome.page and not outcome.failures:
            try:
                outcome.failures = _unseen(name, outcome.page, html)
                html = draw_formulas(html)
            except FormulaError as error:
                outcome.failures.append(
                    Failure(f"docs/{name}", error.find_in(page.file.content_string), str(error))
                )
            self._report(outcome.failures)
        if outcome.failures:
            return render_failures(outcome.failures, kept=name in self.last_good) + html
        self.last_good[name] = outcome.page
        return html

    def on_serve(self, server: LiveReloadServer, *, config: MkDocsConfig, builder: Any) -> LiveReloadServer:
        server.watch(str(Path(__file__).parents[1]))
        return server

    def _parse(self, files: Files) -> dict[str, Lesson]:
        self.outcomes = {}
        lessons = {}
        for file in files.documentation_pages():
            # Notebooks, and what other plugins make.
            if file.src_uri.endswith(".ipynb") or file.abs_src_path is None:
                continue
            self.outcomes[file.src_uri] = outcome = _Outcome()
            try:
                lessons[file.src_uri] = read_lesson(Path(file.abs_src_path), self.root)
            except LessonSyntaxError as error:
                outcome.failures = syntax_failures(error)
        return lessons

    def _run(self, lessons: Collection[Lesson]) -> list[LessonRun]:
        """What each lesson shows: from the cache, or from a run."""
        cached = [self.cache.load(lesson) for lesson in lessons]
        new = [lesson for lesson, run in zip(lessons, cached, strict=True) if run is None]
        runs = iter(run_lessons(new))
        return [run or next(runs) for run in cached]

    def _report(self, failures: list[Failure]) -> None:
        """Name each failure; a build ends with them, a server goes on."""
        log = _serve_log if self.serving else _build_log
        for failure in failures:
            log.error("%s", failure)
        if failures and not self.serving:
            raise PluginError(f"not built, because of {len(failures)} failure(s) in lessons")

    def _notebook(self, name: str, lesson: Lesson, run: LessonRun, config: MkDocsConfig) -> File:
        place = _notebook_place(name)
        path = self.cache.directory / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook(lesson, run), encoding="utf-8")
        return File(
            place,
            # mkdocs-jupyter reads a file from here; a generated file has no such place.
            src_dir=str(self.cache.directory),
            dest_dir=config.site_dir,
            use_directory_urls=config.use_directory_urls,
        )

    def _page(self, name: str) -> Page | None:
        """What a reader sees: this build's page or, while its lesson fails, the last one that did not."""
        return self.outcomes[name].page or self.last_good.get(name)

    def _format_results(self, source: str, *args: object, **kwargs: object) -> str:
        """Called by Markdown for each fence of results."""
        key = source.strip()
        for name in self.outcomes:
            page = self._page(name)
            if page and key in page.results:
                return page.results[key]
        # SuperFences then leaves the fence as it stands. Parsing refuses it in a lesson.
        raise KeyError(key)


def _unseen(name: str, page: Page, html: str) -> list[Failure]:
    """The blocks that Markdown has taken for something else: their results are not on the page."""
    return [
        Failure(f"docs/{name}", page.lines[key], _UNSEEN)
        for key, results in page.results.items()
        if results not in html
    ]


def _notebook_place(name: str) -> str:
    return posixpath.splitext(f"notebooks/{name}")[0] + ".ipynb"
