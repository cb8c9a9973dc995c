"""No page is heavier than the budgets, and its browser lets in only what was built."""

import gzip
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import parsed

pytestmark = pytest.mark.slow

BUDGETS = tomllib.loads((Path(__file__).parent / "page_weight.toml").read_text(encoding="utf-8"))

# In the reference's signatures, a name is a link.
PLAIN = ".highlight:not(.doc-signature) :is(.n, .nn, .nb, .w, .bp, .vm)"


def pages(site: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(site.rglob("*.html")):
        yield path, path.read_text(encoding="utf-8")


def test_pages_are_within_their_budgets(site: Path) -> None:
    for path, html in pages(site):
        assert len(gzip.compress(html.encode())) <= 1000 * BUDGETS["page_kilobytes"], path
        assert len(parsed(path).find_all()) <= BUDGETS["page_elements"], path


def test_code_has_no_span_without_a_colour_of_its_own(site: Path) -> None:
    for path in sorted(site.rglob("*.html")):
        assert parsed(path).select(PLAIN) == [], path


def test_every_page_allows_its_own_scripts_and_no_other(site: Path) -> None:
    for path, html in pages(site):
        head = parsed(path).select("meta[http-equiv=Content-Security-Policy]")
        assert len(head) == 1, path
        policy = str(head[0]["content"])
        assert policy.startswith("default-src 'self'; script-src 'self' 'sha256-"), path
        assert "http" not in policy
        assert re.findall(r"<[a-z][^>]*\son[a-z]+=", html) == [], path
