"""What other sites, search engines and lost readers are told."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

pytestmark = pytest.mark.slow


def head(file: Path) -> dict[str, str]:
    """The title and the named contents of a page's head."""
    soup = BeautifulSoup(file.read_text(encoding="utf-8").partition("</head>")[0], "html.parser")
    metas = soup.select("meta[content]")
    found = {str(meta.get("name") or meta.get("property")): str(meta["content"]) for meta in metas}
    return found | {"title": soup.select("title")[0].get_text()}


def test_a_description_keeps_its_quotation_marks(site: Path) -> None:
    written = Path(__file__).parents[2] / "docs" / "lessons" / "loss.md"
    front_matter = written.read_text(encoding="utf-8").split("---")[1]
    description = front_matter.partition("description: ")[2].split("\n")[0]
    assert '"' in description
    found = head(site / "lessons" / "loss" / "index.html")
    assert found["description"] == found["og:description"] == description


def test_a_title_says_the_name_of_the_course_once(site: Path) -> None:
    assert head(site / "index.html")["title"] == "How PyTorch learns"
    assert (
        head(site / "lessons" / "no-grad" / "index.html")["title"]
        == "Lesson 7: Why no_grad? - How PyTorch learns"
    )


def test_a_shared_link_has_a_title_and_a_picture_that_is_there(site: Path) -> None:
    for page in site.rglob("index.html"):
        found = head(page)
        assert found["og:title"]
        assert found["twitter:card"] == "summary_large_image"
        assert (site / found["og:image"].split("/", 3)[3]).stat().st_size > 10_000


def test_robots_find_the_sitemap_and_lost_readers_every_page(site: Path) -> None:
    sitemap = (site / "robots.txt").read_text(encoding="utf-8").partition("Sitemap: ")[2].strip()
    assert (site / sitemap.split("/", 3)[3]).exists()
    soup = BeautifulSoup((site / "404.html").read_text(encoding="utf-8"), "html.parser")
    links = {str(link["href"]) for link in soup.select(".md-content a[href]")}
    lessons = {f"/lessons/{page.stem}/" for page in Path(__file__).parents[2].glob("docs/lessons/*.md")}
    assert lessons < links
    assert "/" in {link.rstrip(".") for link in links}
