"""Run every lesson in a site build and show its outputs; only this module knows MkDocs."""

import contextlib
import logging
import os
import posixpath
import re
import signal
import socket
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urljoin

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin, CombinedEvent, event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page as SitePage
from mkdocs.structure.toc import get_toc
from mkdocs.utils import clean_directory, get_relative_url, markdown_extensions
from mkdocs.utils.templates import TemplateContext

from lessons_src.engine.caching import RunCache, digests
from lessons_src.engine.failures import Failure, check_lesson, syntax_failures
from lessons_src.engine.lesson import Lesson, LessonRun
from lessons_src.engine.live.laboratory import Laboratory
from lessons_src.engine.live.rerun import mark_blocks
from lessons_src.engine.notebook import notebook
from lessons_src.engine.notebook_page import TEMPLATES, render_notebook, renderer_digest
from lessons_src.engine.offers import ARCHIVE, INDEX, Offer, bundle, index, links, natural, offer
from lessons_src.engine.page import (
    RESULTS,
    Page,
    fill_in,
    finish_page,
    placeholder,
    render_failures,
    render_page,
    render_pictures,
    render_results,
)
from lessons_src.engine.parsing import LessonSyntaxError, read_lesson, syntax_error
from lessons_src.engine.plain_markdown import page_address
from lessons_src.engine.progress import BuildRuns
from lessons_src.engine.running import interrupt_when_ended, prepare
from lessons_src.engine.stale_pages import Sources, stands_alone

if TYPE_CHECKING:  # a build has no server
    from mkdocs.livereload import LiveReloadServer

_build_log = logging.getLogger("mkdocs.plugins.lessons")
# Under `serve`, a warning in MkDocs' own log would end a strict build, and with it the reload.
_serve_log = logging.getLogger("lessons")

_ENGINE = Path(__file__).parent
_PACKAGE = _ENGINE.parent
_RUNS = Path(".cache", "lessons")
# The lines that mkdocstrings replaces with docstrings
_DOCSTRINGS = re.compile(r"^ *::: ", re.MULTILINE)
_SUPERFENCES = "pymdownx.superfences"
# The parts of a page that depend on its lesson.
_PARTS = ("title", "meta", "content", "toc", "present_anchor_ids", "links_to_anchors")


class LessonsConfig(Config):
    """The plugin's options in `mkdocs.yml`."""

    how_to_run = config_options.Type(str, default="")
    """The page that says how one runs a notebook, by its path under `docs`."""
    live = config_options.Type(bool, default=True)
    """Whether readers can edit and run blocks under `mkdocs serve`, if it listens on this machine alone."""


@dataclass
class _Outcome:
    """One Markdown file in this build: its lesson and its page, and what is wrong with them."""

    failures: list[Failure] = field(default_factory=list)
    lesson: Lesson | None = None
    page: Page | None = None
    pictures: dict[str, str] = field(default_factory=dict)
    """What goes into the page last."""
    site_page: SitePage | None = None


@dataclass
class _Notebook:
    """What the site has of a lesson besides its page."""

    name: str
    lesson: Lesson
    offer: Offer
    text: str = ""
    """Empty until the lesson has run."""


class _Templates(BytecodeCache):
    """What this process has compiled: MkDocs makes a new environment for each build of a server."""

    compiled: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.compiled:
            bucket.bytecode_from_string(self.compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.compiled[bucket.key] = bucket.bytecode_to_string()


class LessonsPlugin(BasePlugin[LessonsConfig]):
    """Runs the lessons of a site, once a build, and puts their results into their pages.

    MkDocs renders the pages while the lessons run; results go into the rendered pages, last.
    """

    def __init__(self) -> None:
        super().__init__()
        # Where no runs are stored yet, all lessons will run. The imports for that take seconds, so they
        # begin now, beside those of other plugins.
        if not _RUNS.exists():
            prepare()

    def on_startup(self, *, command: Literal["build", "gh-deploy", "serve"], dirty: bool) -> None:
        self.serving = command == "serve"
        self.dirty = dirty
        if dirty:
            # MkDocs warns that pages may be out of date; `_built_alone` sees to it that none is.
            log = logging.getLogger("mkdocs.commands.build")
            log.addFilter(lambda record: not str(record.msg).startswith("A 'dirty' build"))
        # MkDocs' server would go on for ever if a second Ctrl-C interrupted its end.
        interrupt_when_ended(signal.SIGINT)
        # The pages that have not failed, by their paths, as they were built last.
        self.last_good: dict[str, dict[str, Any]] = {}
        self.outcomes: dict[str, _Outcome] = {}
        self.notebooks: list[_Notebook] = []
        # What the last build was made from; None before the first, and after an error of MkDocs or a plugin.
        self.sources: Sources | None = None
        # The lessons of the pages that are shown, by their paths.
        self.live_lessons: dict[str, Lesson] = {}
        self.laboratory: Laboratory | None = None
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
        self.cache = RunCache(self.root / _RUNS, self.root, Path(config.site_dir))
        return config

    # Before mkdocs-jupyter, so that it finds the notebooks.
    @event_priority(50)
    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """Start to run every lesson of the site."""
        self.broken = _broken_modules()
        if not self.serving:
            self._report(self.broken)
        outcomes, notebooks = self._parse(files, config)
        self.built_alone = self._built_alone(outcomes, files, config) if self.dirty else None
        if self.built_alone is not None:
            outcomes = self.outcomes | {name: outcomes[name] for name in self.built_alone}
            made = {each.name: each for each in self.notebooks if each.name not in self.built_alone}
            notebooks = [made.get(each.name, each) for each in notebooks]
        elif self.dirty:
            clean_directory(config.site_dir)
            if search := config.plugins.get("material/search"):
                search.search_index_prev = None  # it would add all pages to those of the last build
        self.outcomes, self.notebooks = outcomes, notebooks
        self._add_notebooks(files, config)
        for file in files.documentation_pages():
            is_built = self._is_built(file.src_uri)
            file.is_modified = lambda is_built=is_built: is_built  # type: ignore[method-assign,misc]
        lessons = [o.lesson for name, o in outcomes.items() if o.lesson and self._is_built(name)]
        self.runs = BuildRuns(lessons, self.cache, _build_log)
        self.cleanup.callback(self.runs.stop)
        return files

    def on_nav(self, nav: Navigation, *, config: MkDocsConfig, files: Files) -> Navigation:
        """Give the pages that are not built again what other pages need of them."""
        for file in files.documentation_pages():
            if file.page and not self._is_built(file.src_uri):
                # Without its content, which is written, and which other plugins would work on again.
                _set_parts(file.page, self.last_good[file.src_uri] | {"content": ""})
        return nav

    # Before mkdocs-jupyter, which reads the notebook in the same event.
    @event_priority(50)
    def on_pre_page(self, page: SitePage, *, config: MkDocsConfig, files: Files) -> SitePage:
        if shown := self.notebook_pages.get(page.file.src_uri):
            path = self.folder / shown.offer.page
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._text(shown, config), encoding="utf-8")
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
        return outcome.page.markdown

    def on_page_content(self, html: str, *, page: SitePage, config: MkDocsConfig, files: Files) -> str:
        name = page.file.src_uri
        outcome = self.outcomes.get(name)
        if outcome is None:
            shown = self.notebook_pages.get(name)
            return self._show_notebook(shown, html, page, config, files) if shown else html
        outcome.site_page = page
        if outcome.lesson and outcome.page:
            html, failures = finish_page(outcome.lesson, outcome.page, html)
            outcome.failures += failures
        return html

    def on_env(self, env: Environment, *, config: MkDocsConfig, files: Files) -> Environment:
        """Put the results into the pages, and end the build if a lesson fails."""
        env.bytecode_cache = _Templates()
        for name, outcome in self.outcomes.items():
            if self._is_built(name):
                self._finish(name, outcome)
        self._fill_notebooks(files, config)
        self.runs.stop()
        self.cache.forget_all_but(outcome.lesson for outcome in self.outcomes.values() if outcome.lesson)
        found = (failure for outcome in self.outcomes.values() for failure in outcome.failures)
        self._report(list(dict.fromkeys(found)))
        return env

    def _keep_good_page(
        self, context: TemplateContext, *, page: SitePage, config: MkDocsConfig, nav: Navigation
    ) -> TemplateContext:
        name = page.file.src_uri
        outcome = self.outcomes.get(name, _Outcome())
        if not outcome.failures:
            # A copy, because templates and other plugins may change the metadata.
            good = {part: copy(getattr(page, part)) for part in _PARTS}
            self.last_good[name] = good | {"content": fill_in(page.content or "", outcome.pictures)}
        return context

    # After the search plugin, which would read each line of each picture, and index nothing of it.
    @event_priority(-50)
    def _put_in_pictures(
        self, context: TemplateContext, *, page: SitePage, config: MkDocsConfig, nav: Navigation
    ) -> TemplateContext:
        if outcome := self.outcomes.get(page.file.src_uri):
            page.content = fill_in(page.content or "", outcome.pictures)
        return context

    on_page_context = CombinedEvent(_keep_good_page, _put_in_pictures)

    def on_post_build(self, *, config: MkDocsConfig) -> None:
        self.cleanup.close()
        failing = [f"docs/{name}" for name, outcome in self.outcomes.items() if outcome.failures]
        if failing:  # under `serve`; it has said why, but a page or more above
            _serve_log.error("%d of %d pages fail: %s", len(failing), len(self.outcomes), ", ".join(failing))

    def on_build_error(self, *, error: Exception) -> None:
        self.sources = None
        self.cleanup.close()

    def on_shutdown(self) -> None:
        if self.laboratory:
            self.laboratory.close()
        self.cleanup.close()  # after Ctrl-C, which is no build error

    def on_serve(
        self, server: "LiveReloadServer", *, config: MkDocsConfig, builder: Callable[..., None]
    ) -> "LiveReloadServer":
        server.watch(str(_PACKAGE))
        prepare()  # for the first lesson that is saved or edited
        if not self.config.live:
            return server
        host = config.dev_addr.host
        if host != "localhost" and not ip_address(host).is_loopback:
            _serve_log.warning(
                "blocks cannot be edited and run on the pages: others can reach %s, and that runs code. "
                "Serve at 127.0.0.1, or write `live: false` for the lessons plugin into mkdocs.yml",
                host,
            )
            return server
        self.laboratory = Laboratory(server.serve_request, self.live_lessons)
        server.set_app(self.laboratory)
        return server

    def _built_alone(
        self, outcomes: dict[str, _Outcome], files: Files, config: MkDocsConfig
    ) -> set[str] | None:
        """Compare the pages with the last build. Return those to build, at most one.

        None is for all pages, because others may have to change too.

        `mkdocs serve --dirty` asks for that.
        """
        theme = config.theme.custom_dir
        sources = Sources(
            {name: outcome.lesson for name, outcome in outcomes.items() if outcome.lesson},
            (self.cache.surroundings, digests(Path(theme)) if theme else []),
        )
        changed = sources.changes(self.sources) if self.sources else None
        self.sources = sources
        if changed is None or "NOTEBOOK_PAGES" in os.environ:
            return None
        # A page that fails is run again.
        names = changed | {name for name, outcome in self.outcomes.items() if outcome.failures}
        # Material's search expects one page, and would take those of a folder for parts of its index page.
        can = all(
            name in sources.pages
            and stands_alone(sources.pages[name])
            and files.src_uris[name].name != "index"
            for name in names
        )
        return names if can and len(names) <= 1 else None

    def _is_built(self, name: str) -> bool:
        return self.built_alone is None or name in self.built_alone or name not in self.last_good

    def _parse(self, files: Files, config: MkDocsConfig) -> tuple[dict[str, _Outcome], list[_Notebook]]:
        outcomes = {}
        notebooks: list[_Notebook] = []
        for file in files:
            name = Path(file.src_uri)
            if file.inclusion.is_excluded():
                continue
            if name.suffix.lower() in markdown_extensions and name.suffix != ".md":
                # MkDocs makes a page of some, and copies others as they are; tests know none of them.
                problem = f"a page must have a name that ends in `.md`, not `{name.suffix}`; rename it"
                outcomes[file.src_uri] = _Outcome([Failure(f"docs/{file.src_uri}", 1, problem)])
        for file in files.documentation_pages():
            # Notebooks, and files that other plugins make, are not lessons.
            if file.src_uri.endswith(".ipynb") or file.abs_src_path is None or file.src_uri in outcomes:
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
                offers = ""
                if outcome.lesson.minutes is not None:  # a lesson of the course
                    offered = offer(outcome.lesson, file.src_uri, config.repo_url)
                    notebooks.append(_Notebook(file.src_uri, outcome.lesson, offered))
                    offers = self._offers(file.src_uri, offered)
                outcome.page = render_page(outcome.lesson, offers)
        return outcomes, sorted(notebooks, key=lambda each: natural(each.offer.title))

    def _offers(self, name: str, offered: Offer) -> str:
        """Return Markdown that offers the notebook of a lesson."""
        found = links(offered, name, "Download the notebook", "Open in Colab")
        if how := self.config.how_to_run:
            found.append(f"[How to run this]({posixpath.relpath(how, posixpath.dirname(name))})")
        return "".join(f" · {link}" for link in found)

    def _finish(self, name: str, outcome: _Outcome) -> None:
        """Wait for a lesson's run, check it, and fill in its page; if it fails, show the last good page."""
        run = LessonRun([])
        if outcome.lesson:
            run = self.runs.result(outcome.lesson)
            failures = check_lesson(outcome.lesson, run)
            if failures:
                failures = self.broken + failures  # for a lesson that imports such a module fails
            else:
                self.cache.store(outcome.lesson, run)
            outcome.failures = failures + outcome.failures
        if outcome.site_page is None:
            return  # another plugin has left it out
        if outcome.failures:
            self._show_failures(name, outcome.site_page, outcome.failures)
            return
        assert outcome.lesson  # without one there is a failure
        results = render_results(outcome.lesson, run)
        if self.serving:
            results = mark_blocks(outcome.lesson, results)
        outcome.pictures = render_pictures(outcome.lesson, run)
        outcome.site_page.content = fill_in(outcome.site_page.content or "", results)
        outcome.site_page.meta["lesson"] = outcome.lesson  # for templates and hooks
        self.live_lessons[outcome.lesson.path] = outcome.lesson

    def _show_failures(self, name: str, page: SitePage, failures: list[Failure]) -> None:
        """Show the failures, above the last good page if there is one."""
        good = self.last_good.get(name)
        if good:
            _set_parts(page, good)
        page.content = render_failures(failures, kept=good is not None) + (page.content or "")

    def _report(self, failures: list[Failure]) -> None:
        """Log each failure; end a build, but not a server."""
        log = _serve_log if self.serving else _build_log
        for failure in failures:
            log.error("%s", failure)
        if failures and not self.serving:
            count = "1 failure" if len(failures) == 1 else f"{len(failures)} failures"
            raise PluginError(f"not built, because of {count} in lessons")

    def _add_notebooks(self, files: Files, config: MkDocsConfig) -> None:
        """Add a notebook of each lesson of the course, a page that lists them, and a page of each.

        mkdocs-jupyter makes these pages. It takes most of a second for one that has changed, so a server
        leaves them out unless it is asked for them.
        """
        offers = [each.offer for each in self.notebooks]
        jupyter = config.plugins.get("mkdocs-jupyter")
        if jupyter is None or (self.serving and "NOTEBOOK_PAGES" not in os.environ):
            self.notebook_pages = {}
        else:
            self.notebook_pages = {each.offer.page: each for each in self.notebooks}
        if offers:
            for place in [ARCHIVE, *(each.file for each in offers)]:
                files.append(File.generated(config, place, content=""))
            files.append(
                File.generated(config, INDEX, content=index(offers, shown=bool(self.notebook_pages)))
            )
        if self.notebook_pages:
            self._prepare_jupyter(jupyter)
            for place in self.notebook_pages:
                # mkdocs-jupyter reads the file from the folder; it cannot read a `File.generated`.
                files.append(File(place, str(self.folder), config.site_dir, config.use_directory_urls))

    def _prepare_jupyter(self, jupyter: Any) -> None:
        from mkdocs_jupyter.config import settings  # type: ignore[import-untyped]  # not a part of every site

        settings.templates_dir = str(TEMPLATES)
        jupyter.config["cache_dir"] = str(self.cache.directory.parent / f"notebooks-{renderer_digest()}")
        self.folder = self._notebook_folder(jupyter)

    def _notebook_folder(self, jupyter: Any) -> Path:
        folder = self.cache.directory
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
        jupyter.config["cache"] = False  # it would end the build, because its folder is beside this one
        return Path(self.cleanup.enter_context(TemporaryDirectory(prefix="notebooks-")))

    def _text(self, made: _Notebook, config: MkDocsConfig) -> str:
        """Return a lesson as a notebook, without outputs if it fails."""
        if not made.text:
            run = self.runs.result(made.lesson)
            if check_lesson(made.lesson, run):
                run = LessonRun([None] * len(run.blocks))
            site, repository = config.site_url or "", config.repo_url or ""
            made.text = notebook(made.lesson, run, site=site, repository=repository)
        return made.text

    def _show_notebook(
        self, shown: _Notebook, html: str, page: SitePage, config: MkDocsConfig, files: Files
    ) -> str:
        """Return the content of a notebook's page, and say that its lesson's page has the same words."""
        lesson = self.outcomes[shown.name].site_page or page
        page.title = f"{lesson.title} (notebook)"
        page.canonical_url = lesson.canonical_url
        page.meta.update(description=lesson.meta.get("description"), search={"exclude": True})
        anchors: dict[File, dict[str, str]] = {}
        page.links_to_anchors = anchors
        html, headings = render_notebook(
            html, lambda address: self._link(address, page, anchors, config, files)
        )
        page.toc = get_toc(headings)
        return html

    def _link(
        self,
        address: str,
        page: SitePage,
        anchors: dict[File, dict[str, str]],
        config: MkDocsConfig,
        files: Files,
    ) -> str:
        """Return the address of a notebook's link on its page; MkDocs checks the `anchors` later."""
        site = config.site_url
        if not site or not address.startswith(site):
            return address
        place, _, anchor = address.partition("#")
        # By its source, because the pages of a site for a disk have other addresses.
        file = next((file for file in files if page_address(urljoin(site, file.src_uri)) == place), None)
        if file is None:
            log = _serve_log if self.serving else _build_log
            log.warning("%s links to %s, which is not there", page.file.src_uri, address)
            return address
        url = get_relative_url(file.url, page.url)
        if not anchor:
            return url
        anchors.setdefault(file, {})[anchor] = address
        return f"{url}#{anchor}"

    def _fill_notebooks(self, files: Files, config: MkDocsConfig) -> None:
        """Give the files that one downloads their content."""
        if not self.notebooks:
            return
        texts = {made.offer: self._text(made, config) for made in self.notebooks}
        for offered, text in texts.items():
            files.src_uris[offered.file].content_string = text
        files.src_uris[ARCHIVE].content_bytes = bundle(config.site_name, texts, _PACKAGE)

    def _format_results(self, source: str, *args: object, **kwargs: object) -> str:
        """Return the HTML of a fence of results; SuperFences calls this."""
        key = source.strip()
        if any(outcome.page and key in outcome.page.lines for outcome in self.outcomes.values()):
            return placeholder(key)
        # SuperFences then shows the fence as it is. Parsing refuses it in a lesson.
        raise KeyError(key)


def _set_parts(page: SitePage, parts: dict[str, Any]) -> None:
    for part, value in parts.items():
        setattr(page, part, copy(value))


def _try_port(host: str, port: int) -> None:
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as MkDocs does
            server.bind((host, port))
    except OSError as error:
        raise PluginError(
            f"port {port} cannot be used: {error.strerror}. End what uses it, or take another: "
            f".venv/bin/mkdocs serve --dirty --no-strict --livereload --dev-addr {host}:{port + 1}"
        ) from None


def _broken_modules() -> list[Failure]:
    """Return a failure for each module of the package that is not Python; the engine is imported already."""
    return [
        Failure(
            file.relative_to(_PACKAGE.parent).as_posix(),
            error.lineno or 1,
            f"this module is not Python: {error.msg}",
            (error.text or "").strip(),
        )
        for file in sorted(_PACKAGE.rglob("*.py"))
        if _ENGINE not in file.parents and (error := syntax_error(file.read_bytes()))
    ]
