"""What a reader takes away: a page's Markdown, a report of a fault, and the whole site as files."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import pytest
from bs4 import BeautifulSoup, Tag
from bs4.filter import SoupStrainer
from conftest import build_site
from playwright.sync_api import Browser, Page, expect
from site_pages import CODE

pytestmark = pytest.mark.slow

BLOCKS = ".md-content .language-python:not(.doc-contents *, .doc-signature)"


@pytest.fixture
def reader(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


def test_a_page_is_copied_as_markdown_by_keyboard_and_after_an_instant_navigation(
    reader: Page, site: Path, address: str
) -> None:
    reader.goto(address + "lessons/loss/")
    for name in ("loss", "gradients"):
        expect(reader.locator("h1")).to_contain_text(name.capitalize())
        button = reader.get_by_role("button", name="Copy page")
        button.press("Enter")
        expect(reader.get_by_role("button", name="Copied")).to_have_attribute("aria-live", "polite")
        copied = reader.evaluate("navigator.clipboard.readText()")
        assert copied == (site / "lessons" / name / "index.md").read_text(encoding="utf-8")
        expect(button).to_be_visible()
        reader.locator(".md-footer__link--next").click()


def test_a_copy_that_fails_is_told_and_without_a_script_there_is_no_button(
    browser: Browser, reader: Page, address: str
) -> None:
    reader.route("**/index.md", lambda route: route.abort())
    reader.goto(address + "glossary/")
    reader.get_by_role("button", name="Copy page").click()
    expect(reader.get_by_role("button", name="Not copied")).to_be_visible()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + "glossary/")
    assert page.get_by_text("Copy page").count() == 0
    context.close()


@pytest.mark.parametrize("path", CODE)
def test_every_block_of_a_page_has_its_line(site: Path, path: str) -> None:
    soup = BeautifulSoup((site / path / "index.html").read_text(encoding="utf-8"), "html.parser")
    (link,) = soup.select(".lesson-made a")
    assert len(str(link["data-lines"]).split(",")) == len(soup.select(BLOCKS))


def test_a_fault_is_reported_with_the_block_that_was_pointed_at(reader: Page, address: str) -> None:
    reader.route("https://github.com/**", lambda route: route.fulfill(body="an issue"))
    reader.goto(address + "lessons/loss/")
    reader.locator(".lesson-error").first.click()
    reader.get_by_role("link", name="Report a fault in this page").click()
    expect(reader).to_have_url(re.compile("/issues/new"))
    (body,) = parse_qs(urlsplit(reader.url).query)["body"]
    assert re.search(r"\nBlock: line \d+, b = torch.tensor\(0.6, requires_grad=True\)\n", body)


def test_the_site_works_from_a_disk(browser: Browser, tmp_path: Path) -> None:
    build_site(tmp_path / "project", cached=True, OFFLINE="true")
    with ZipFile(tmp_path / "project" / "site" / "how-pytorch-learns.zip") as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "how-pytorch-learns"
    for file in folder.rglob("*.html"):
        if file.name == "404.html":
            continue  # only a server shows it
        links = SoupStrainer("a", href=True)
        for link in BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser", parse_only=links):
            assert isinstance(link, Tag)
            to = urlsplit(str(link["href"]))
            assert to.scheme or (file.parent / to.path).resolve().is_file() or not to.path, (file, to)
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto((folder / "index.html").as_uri())
    page.get_by_role("link", name="Start lesson 1").click()
    expect(page).to_have_url((folder / "lessons" / "first-demos.html").as_uri())
    page.locator(".md-footer__link--next").click()
    expect(page).to_have_title("Lesson 2: Loss - How PyTorch learns")
    assert page.get_by_role("button", name="Copy page").count() == 0  # a page from a disk may not read a file
    page.wait_for_load_state()  # the title is there before the scripts
    page.locator(".md-search__input").click()
    page.keyboard.type("zero_grad")
    page.locator(".md-search-result__link").first.click()
    expect(page.locator(".md-content")).to_contain_text("zero_grad")
    assert page.url.startswith(folder.as_uri())
    assert problems == []
    page.close()
