"""Offer the notebooks of lessons: where Colab opens one, a page that lists them, a zip for a class."""

import io
import posixpath
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from lessons_src.engine.lesson import Lesson
from lessons_src.engine.notebook import EXAMPLE

FOLDER = "notebooks"
"""Where the site has its notebooks, and the branch of its repository on which Colab finds them."""

INDEX = f"{FOLDER}/index.md"
"""The page that lists them."""

ARCHIVE = f"{FOLDER}/notebooks.zip"
"""All of them in one file."""

_TITLE = re.compile(r"^# +(.+?)\s*$", re.MULTILINE)
# Colab opens what is on GitHub.
_GITHUB = re.compile(r"https://github\.com/(?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?")

_README = """\
# {site}: the notebooks

These notebooks need no internet, once Python 3.11 or later has this:

    python -m pip install torch matplotlib pygraphviz jupyterlab

If `pygraphviz` cannot be installed, leave it out: nothing but the drawings of graphs needs it. For machines
without internet, fetch the files on one with internet, of the same system and Python, and carry them over:

    python -m pip download -d wheels torch matplotlib pygraphviz jupyterlab
    python -m pip install --no-index --find-links wheels torch matplotlib pygraphviz jupyterlab

Then run `jupyter lab` in this folder, open a notebook, and run its cells from the top. The folder
`lessons_src` must stay beside the notebooks: they import it.

{notebooks}
"""


@dataclass(frozen=True)
class Offer:
    """A lesson's notebook on the site."""

    title: str
    """The title of the lesson, as Markdown."""
    file: str
    """The notebook that one downloads: `notebooks/lessons/loss.ipynb`."""
    page: str
    """The source of its page: `notebooks/lessons/loss/index.ipynb`."""
    colab: str | None
    """The address at which Colab opens it, if it can."""

    @property
    def name(self) -> str:
        """What the file is called after a download."""
        return posixpath.basename(self.file)


def offer(lesson: Lesson, name: str, repository: str | None) -> Offer:
    """Return the offer of a lesson that is `name` under `docs`, in a site whose source is in `repository`.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> offer(parse_lesson("# Loss", "docs/loss.md"), "loss.md", "https://github.com/me/course").colab
    'https://colab.research.google.com/github/me/course/blob/notebooks/loss.ipynb'
    """
    place = posixpath.splitext(name)[0]
    title = _TITLE.search("".join(lesson.lines[lesson.body :]))
    github = _GITHUB.fullmatch(repository or "")
    if repository == EXAMPLE:
        github = None
    return Offer(
        title[1] if title else place,
        f"{FOLDER}/{place}.ipynb",
        f"{FOLDER}/{place}/index.ipynb",
        f"https://colab.research.google.com/github/{github['name']}/blob/{FOLDER}/{place}.ipynb"
        if github
        else None,
    )


def natural(title: str) -> list[tuple[int, str]]:
    """Return a key that sorts titles by their numbers and words.

    >>> sorted(["Lesson 10", "Lesson 9"], key=natural)
    ['Lesson 9', 'Lesson 10']
    """
    return [(len(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", title)]


def links(offered: Offer, source: str, download: str, colab: str) -> list[str]:
    """Return Markdown for the page `source`: links that get the notebook and open it, with these words."""
    file = posixpath.relpath(offered.file, posixpath.dirname(source))
    found = [f'[{download}]({file}){{ download="{offered.name}" }}']
    return [*found, f"[{colab}]({offered.colab})"] if offered.colab else found


def index(offers: list[Offer], *, shown: bool) -> str:
    """Return the Markdown of the page that lists the notebooks; those that are `shown` have a page."""
    entries = [
        f"- [{each.title}]({posixpath.relpath(each.page, FOLDER)})" if shown else f"- {each.title}"
        for each in offers
    ]
    gets = [", ".join(links(each, INDEX, "download", "open in Colab")) for each in offers]
    archive = posixpath.basename(ARCHIVE)
    return (
        "---\ntitle: Notebooks\nsearch:\n  exclude: true\n---\n\n# Notebooks\n\n"
        "Each lesson as a notebook, as it was run. "
        f'[All of them in one file]({archive}){{ download="{archive}" }}, '
        "with the package that they import.\n\n"
        + "\n".join(f"{entry}: {get}" for entry, get in zip(entries, gets, strict=True))
        + "\n"
    )


def bundle(site: str, notebooks: dict[Offer, str], package: Path) -> bytes:
    """Return a zip of the notebooks with `package` except its engine; the same input gives the same bytes."""
    files = {offered.name: text.encode() for offered, text in notebooks.items()}
    names = "\n".join(f"- `{offered.name}`: {offered.title}" for offered in notebooks)
    files["README.md"] = _README.format(site=site, notebooks=names).encode()
    for path in sorted(package.rglob("*")):
        place = path.relative_to(package.parent)
        if path.is_file() and place.parts[1] != "engine" and "__pycache__" not in place.parts:
            files[place.as_posix()] = path.read_bytes()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            # Without a date of its own a file has that of 1980.
            archive.writestr(zipfile.ZipInfo(f"{FOLDER}/{name}"), content, zipfile.ZIP_DEFLATED)
    return written.getvalue()
