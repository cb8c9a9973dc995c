"""Every lesson is a notebook too: to download, in a zip, and as a page that is as whole as the lesson's."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from zipfile import ZipFile

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from conftest import ROOT, parsed

pytestmark = pytest.mark.slow

LESSONS = sorted(path.stem for path in ROOT.glob("docs/lessons/*.md"))


def page_at(site: Path, place: str) -> BeautifulSoup:
    return parsed(site / place / "index.html")


def pages(site: Path) -> Iterator[tuple[str, BeautifulSoup, BeautifulSoup]]:
    """Each lesson: its name, its page, and the page of its notebook."""
    for name in LESSONS:
        yield name, page_at(site, f"lessons/{name}"), page_at(site, f"notebooks/lessons/{name}")


@cache
def ids(page: Path) -> set[str]:
    return {str(tag["id"]) for tag in parsed(page).select("[id]")}


def content(page: BeautifulSoup) -> Tag:
    return page.select(".md-content__inner")[0]


def test_a_lesson_offers_its_notebook_and_says_how_to_run_it(site: Path) -> None:
    for name, lesson, _ in pages(site):
        offers = {link.text: str(link["href"]) for link in lesson.select(".lesson-time a")}
        assert offers == {
            "Download the notebook": f"../../notebooks/lessons/{name}.ipynb",
            "How to run this": "../../setup/",
        }, "the example's repository is not on GitHub, so Colab is not offered"
        notebook = nbformat.read(site / "notebooks" / "lessons" / f"{name}.ipynb", as_version=4)
        nbformat.validate(notebook)
        assert len(notebook.cells) > 20


def test_one_zip_has_all_notebooks_and_the_package(site: Path) -> None:
    with ZipFile(site / "notebooks" / "notebooks.zip") as archive:
        names = set(archive.namelist())
    assert {f"notebooks/{name}.ipynb" for name in LESSONS} < names
    assert {f"notebooks/lessons_src/{name}.py" for name in ("__init__", "regression", "graph/dot")} < names
    assert not [name for name in names if "engine" in name or name.endswith(".pyc")]


def test_the_set_up_page_leads_to_a_list_of_the_notebooks_in_the_order_of_the_course(site: Path) -> None:
    assert page_at(site, "setup").select('a[href="../notebooks/"]')
    links = content(page_at(site, "notebooks")).select('a[href^="lessons/"]:not([download])')
    assert [re.search(r"\d+", link.text)[0] for link in links] == [f"{n}" for n in range(1, 11)]  # type: ignore[index]
    assert sorted(str(link["href"]) for link in links) == [f"lessons/{name}/" for name in LESSONS]


def test_a_notebooks_page_says_that_its_lesson_has_the_same_words(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert not [entry for entry in index["docs"] if entry["location"].startswith("notebooks")]
    places = re.findall("<loc>(.*)</loc>", (site / "sitemap.xml").read_text(encoding="utf-8"))
    assert len(places) == len(set(places)) > len(LESSONS)
    assert not [place for place in places if "/notebooks/lessons" in place]
    for _, lesson, notebook in pages(site):
        (canonical,) = notebook.select("link[rel=canonical]")
        assert canonical in lesson.select("link[rel=canonical]")
        assert notebook.select("title")[0].text.partition(" (notebook)")[0] in lesson.select("title")[0].text


def test_a_notebooks_page_has_the_headings_formulas_and_figures_of_its_lesson(site: Path) -> None:
    for name, lesson, notebook in pages(site):
        shown, page = content(lesson), content(notebook)
        for part in ("h1, h2, h3", "math"):
            assert [tag.get_text() for tag in page.select(part)] == [
                tag.get_text() for tag in shown.select(part)
            ], name
        for part in ("h2[id]", "h3[id]"):
            assert [tag["id"] for tag in page.select(part)] == [tag["id"] for tag in shown.select(part)], name
        labels = [str(svg["aria-label"]) for svg in shown.select("figure > svg")]
        assert sorted(str(svg["aria-label"]) for svg in page.select("figure > svg")) == sorted(labels), name
        assert not page.select("img, script, iframe, [class*=jp-], style:not(svg style)"), name
        assert notebook.select(".md-sidebar--secondary a[href^='#']"), name


def test_no_link_of_a_notebooks_page_is_dead(site: Path) -> None:
    for name, _, notebook in pages(site):
        for link in notebook.select("a[href], link[href]"):
            address = urlsplit(urljoin(f"http://here/notebooks/lessons/{name}/", str(link["href"])))
            if address.netloc not in {"here", "127.0.0.1:8000"}:
                continue
            file = site / unquote(address.path).lstrip("/")
            file = file / "index.html" if file.is_dir() else file
            assert file.exists(), link
            if address.fragment:
                assert unquote(address.fragment) in ids(file), link
