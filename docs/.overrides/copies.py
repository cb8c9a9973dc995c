"""The site for other readers: each page as Markdown, and a folder that needs no server; and what made a page.

MkDocs calls each function at the event that it is named after.
"""

import contextlib
import platform
import posixpath
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urljoin
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import yaml
from mkdocs.plugins import event_priority
from mkdocs.utils import write_file

from lessons_src.engine.notebook import EXAMPLE
from lessons_src.engine.page_copy import copy_page

# A link of a docstring to another entry, which is on the same page or the next
_REFERENCE = re.compile(r"\[([^\]\[]+)\]\[[^\]\[]*\]")

_NAME = "how-pytorch-learns"

_now = SimpleNamespace()


def on_config(config):
    _now.made = made_from(Path(config.config_file_path).parent)
    _now.torch = version("torch").partition("+")[0]
    _now.offline = config.plugins["material/offline"].config.enabled
    if _now.offline:
        # A page from a disk may fetch nothing, and start no worker.
        config.theme["features"].remove("navigation.instant")
        config.extra["polyfills"] = ["assets/frame-worker.js"]


def made_from(project):
    """Say which commit a project is at, and whether its files are other than there; nothing outside git."""

    def git(*arguments):
        done = subprocess.run(["git", *arguments], cwd=project, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        commit = git("log", "-1", "--abbrev=12", "--format=%h of %cs")
        changed = git("--no-optional-locks", "status", "--porcelain")
        return f"From commit {commit}{', with changes since' if changed else ''}. "
    return ""


def on_page_markdown(markdown, *, page, config, files):
    page.meta["source"] = markdown.replace(EXAMPLE, config.repo_url.rstrip("/"))
    return page.meta["source"]


def on_page_context(context, *, page, config, nav):
    if _now.offline:
        page.canonical_url = None  # the site has its pages at other addresses
    lesson = page.meta.get("lesson")
    if not lesson:
        return  # a notebook, which has its lesson's words, or under `serve` a page that fails
    made = (_now.made + _runs(lesson)).strip()
    page.meta["made"] = made
    page.meta["report"] = report_address(config.repo_url, page, made)
    # In the order in which the page has them; a script finds there the block that is reported.
    page.meta["lines"] = ",".join(str(block.line) for block in lesson.blocks if not block.directives.hidden)
    if _now.offline:
        return
    page.meta["markdown"] = "index.md"
    text = copy_page(
        page.meta["source"],
        lesson,
        urljoin(config.site_url, page.file.src_uri),
        lambda name, options: _reference(name, options, config),
    )
    foot = f"\n---\n\n<{page.canonical_url}>\n{made}".rstrip() + "\n"
    place = Path(config.site_dir, posixpath.dirname(page.file.dest_uri), page.meta["markdown"])
    write_file((text + foot).encode(), place)


def _runs(lesson):
    """Say what ran, with which versions; the plugin hands over a lesson only if every output was right."""
    blocks = [block for block in lesson.blocks if block.is_run]
    if not blocks:
        return ""
    outputs = sum(block.output is not None for block in blocks)
    return (
        f"Blocks run: {len(blocks)}. Outputs compared: {outputs}. "
        f"PyTorch {_now.torch}, Python {platform.python_version()}."
    )


def report_address(repository, page, made):
    """Return the address of a new issue of the repository, with what is known already filled in."""
    title = quote(f'A fault in "{page.title}"')
    body = quote(f"Page: docs/{page.file.src_uri}\nBlock: \nWhat is wrong: \n\n{made}")
    if "gitlab" in repository:
        return f"{repository.rstrip('/')}/-/issues/new?issue[title]={title}&issue[description]={body}"
    return f"{repository.rstrip('/')}/issues/new?title={title}&body={body}"


def _reference(name, options, config):
    """Return as Markdown what mkdocstrings shows of a name."""
    handler = config.plugins["mkdocstrings"].handlers.get_handler("python")
    chosen = (yaml.safe_load(options) or {}).get("options", {})
    found = handler.collect(name, handler.get_options(chosen))
    parts = _entry(found, chosen.get("heading_level", 2), chosen.get("members", True))
    return _REFERENCE.sub(r"\1", "\n\n".join(parts)) + "\n"


def _entry(found, level, members):
    yield f"{'#' * level} {found.name}"
    if found.is_function:
        yield f"```python\n{found.signature(return_type=True)}\n```"
    for section in found.docstring.parse("google"):
        yield from _section(section.kind.value, section.value)
    for member in found.members.values() if members and found.is_class else ():
        if member.docstring and member.is_public:
            yield from _entry(member, level + 1, members)


def _section(kind, value):
    """Return a section of a docstring: text, examples, or names that are explained."""
    if kind == "text":
        yield value
    elif kind == "examples":
        yield from (f"```python\n{text}\n```" if part.value == kind else text for part, text in value)
    else:
        yield f"{kind.capitalize()}:"
        names = [(getattr(each, "name", None) or each.annotation, each.description) for each in value]
        yield "\n".join(f"- `{name}`: {' '.join(words.split())}" for name, words in names)


@event_priority(-200)  # after Material has made a script of the search index
def on_post_build(*, config):
    if _now.offline:
        pack(Path(config.site_dir))


def pack(site):
    """Write the files of a site into an archive, without their times: the same files, the same bytes."""
    files = sorted(path for path in site.rglob("*") if path.is_file())
    with ZipFile(site / f"{_NAME}.zip", "w") as archive:
        for path in files:
            inside = ZipInfo(f"{_NAME}/{path.relative_to(site).as_posix()}")
            archive.writestr(inside, path.read_bytes(), ZIP_DEFLATED)
