"""The site as it is built: reproducible, complete, and without a request to another host."""

import filecmp
import inspect
import re
from pathlib import Path
from types import FunctionType

import pytest
from conftest import ROOT, build_site, parsed

import lessons_src
from lessons_src.backward.hooks import BackwardRecord
from lessons_src.backward.record import Gradient

pytestmark = pytest.mark.slow

RECORDED = ("Step", "Contribution", "Accumulation")
CLASSES = {
    "lessons_src.AutogradGraph": lessons_src.AutogradGraph,
    "lessons_src.GraphNode": lessons_src.GraphNode,
    "lessons_src.LineFit": lessons_src.LineFit,
    "lessons_src.backward.hooks.BackwardRecord": BackwardRecord,
    "lessons_src.backward.record.Gradient": Gradient,
}


def has_an_entry(of_class: type, name: str) -> bool:
    """Whether a name of a class is one of its methods and properties that are for everybody."""
    kinds = (classmethod, property, FunctionType)
    return not name.startswith("_") and isinstance(inspect.getattr_static(of_class, name), kinds)


def files(site: Path) -> list[str]:
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())


def test_a_build_from_another_folder_is_the_same_byte_for_byte_and_never_imports_torch(
    site: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "a folder with another name" / "project"
    modules = build_site(folder)
    assert "mkdocstrings" in modules
    assert "torch" not in modules
    other = folder / "site"
    assert files(site) == files(other)
    match, mismatch, errors = filecmp.cmpfiles(site, other, files(site), shallow=False)
    assert (mismatch, errors) == ([], [])
    assert len(match) == len(files(site))


def test_every_lesson_is_a_page_and_its_stored_outputs_are_on_it(site: Path) -> None:
    pages = list(ROOT.glob("docs/lessons/*.md"))
    assert len(pages) == 10
    for page in pages:
        html = (site / "lessons" / page.stem / "index.html").read_text(encoding="utf-8")
        fences = re.findall(r"^ *```text$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert html.count('<div class="lesson-output') >= len(fences) > 0


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    loads = re.compile(
        r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=["']?(?:https?:)?//[^"' >]+"""
        r"""|<link\b(?![^>]*rel="?(?:canonical|prev|next))[^>]*\bhref=["']?(?:https?:)?//[^"' >]+"""
        r"""|url\(["']?(?:https?:)?//[^)]+"""
        r"""|@import\s+["'](?:https?:)?//"""
    )
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert loads.findall(path.read_text(encoding="utf-8")) == [], path.relative_to(site)


def test_every_public_name_is_in_the_reference_with_an_output_of_its_own(site: Path) -> None:
    entries: dict[str, bool] = {}
    for page in site.glob("reference/*/index.html"):
        html = page.read_text(encoding="utf-8")
        for entry in re.split(r"(?=<h[23] id=)", html)[1:]:
            name = re.match(r'<h[23] id="?([\w.]+)', entry)
            assert name
            entries[name[1]] = "lesson-output" in entry or "lesson-figure" in entry
    public = {f"lessons_src.{name}" for name in lessons_src.__all__}
    public |= {f"lessons_src.backward.record.{name}" for name in RECORDED}
    for path, of_class in CLASSES.items():
        public |= {f"{path}.{name}" for name in dir(of_class) if has_an_entry(of_class, name)}
    assert public <= entries.keys()
    assert [name for name, shown in entries.items() if name in public and not shown] == []


def test_examples_in_docstrings_are_code_and_their_references_are_links(site: Path) -> None:
    for page in site.glob("reference/*/index.html"):
        html = page.read_text(encoding="utf-8")
        soup = parsed(page)
        assert soup.select(".doc-contents .highlight .gp")
        prose = " ".join(part.get_text() for part in soup.select(".doc-contents :is(p, li, blockquote)"))
        assert ">>>" not in prose
        assert "][" not in prose
        assert "<autoref" not in html


def test_ids_are_unique_on_every_page(site: Path) -> None:
    for page in [*site.glob("**/lessons/*/index.html"), *site.glob("reference/*/index.html")]:
        ids = re.findall(r'\sid="([^"]+)"', page.read_text(encoding="utf-8"))
        assert sorted(ids) == sorted(set(ids)), page.parent.name


def test_every_figure_says_what_one_sees(site: Path) -> None:
    figures = [
        tag
        for page in site.glob("**/lessons/*/index.html")
        for tag in re.findall(r"<svg [^>]*role=\"img\"[^>]*>", page.read_text(encoding="utf-8"))
    ]
    assert len(figures) >= 7
    assert all(re.search(r'aria-label="[^"]{40,}"', figure) for figure in figures)
