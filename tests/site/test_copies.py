"""The site for other readers: Markdown, a list of the pages, and on each page what made it."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from types import ModuleType, SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import ROOT, load_hooks, parsed

from lessons_src.engine.parsing import read_lesson

pytestmark = pytest.mark.slow

ADDRESS = "http://127.0.0.1:8000/"
SOURCES = sorted((ROOT / "docs").rglob("*.md"))


def place(source: Path) -> Path:
    """Where the page of a file is, in the site."""
    name = source.relative_to(ROOT / "docs").with_suffix("")
    return name.parent if name.name == "index" else name


def copy(site: Path, source: Path) -> str:
    return (site / place(source) / "index.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    return load_hooks("copies")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_page_has_a_copy_in_plain_markdown_with_its_outputs(site: Path, source: Path) -> None:
    (link,) = parsed(site / place(source) / "index.html").select('link[rel~=alternate][type="text/markdown"]')
    assert link["href"] == "index.md"
    text = copy(site, source)
    assert text.startswith("# ")
    for block in read_lesson(source, ROOT).blocks:
        if block.output:
            assert f"```text\n{block.output.text}\n```" in text
    prose = re.sub("```.*?```", "", text, flags=re.DOTALL)
    assert re.findall(r"^ *(?:<!--|\?\?\?|!!!|:::)|\]\[\w*\]|\{ \.", prose, flags=re.MULTILINE) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_links_of_a_copy_are_absolute_and_lead_to_what_is_there(site: Path, source: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]+`", "", copy(site, source), flags=re.DOTALL)
    links = re.findall(r"\]\(([^()\s]+)|href=\"([^\"]+)", prose)
    for address in ("".join(link) for link in links):
        assert re.match("https?://", address), address
        if not address.startswith(ADDRESS):
            continue
        path, _, anchor = address.removeprefix(ADDRESS).partition("#")
        file = site / path
        assert file.exists(), address
        if anchor:
            assert parsed(file / "index.html").find(id=anchor), address


def test_the_reference_is_its_docstrings(site: Path) -> None:
    text = copy(site, ROOT / "docs" / "reference" / "basics.md")
    assert "## fit_line\n\n```python\nfit_line(x: Tensor, y: Tensor, *, lr: float = 0.01" in text
    assert "-> LineFit\n```\n\nFit a line to `x` and `y` by gradient descent" in text
    assert "\nRaises:\n\n- `" in text
    assert "```python\n>>> " in text


def test_the_list_for_language_models_has_every_page_and_what_it_is_about(site: Path) -> None:
    text = (site / "llms.txt").read_text(encoding="utf-8")
    assert text.startswith("# How PyTorch learns\n\n> Loss, gradients, ")
    lines = text.split("\n## Begin\n", 1)[1].split("\n")
    items = [
        re.fullmatch(rf"- \[.+\]\({ADDRESS}(.*)\): .{{40,}}", line) for line in lines if line.startswith("-")
    ]
    assert sorted(item[1] for item in items if item) == sorted(
        (place(source) / "index.md").as_posix() for source in SOURCES
    )
    assert [line for line in lines if line.startswith("#")] == ["## Lessons", "## Look up", "## Reference"]


def test_a_page_says_what_made_it_and_where_a_fault_is_reported(site: Path) -> None:
    source = ROOT / "docs" / "lessons" / "loss.md"
    blocks = read_lesson(source, ROOT).blocks
    (foot,) = parsed(site / "lessons" / "loss" / "index.html").select(".lesson-made")
    outputs = sum(block.output is not None for block in blocks)
    made = (
        f"Blocks run: {len(blocks)}. Outputs compared: {outputs}. "
        f"PyTorch {version('torch').partition('+')[0]}, Python {platform.python_version()}."
    )
    assert made in foot.get_text()
    assert made in copy(site, source)
    (link,) = foot.select("a")
    query = parse_qs(urlsplit(str(link["href"])).query)
    assert query["title"] == ['A fault in "Lesson 2: Loss"']
    assert query["body"] == [f"Page: docs/lessons/loss.md\nBlock: \nWhat is wrong: \n\n{made}"]


def test_a_page_without_code_has_nothing_to_count_and_other_pages_have_no_foot(site: Path) -> None:
    (foot,) = parsed(site / "glossary" / "index.html").select(".lesson-made")
    assert foot.get_text().strip() == "Report a fault in this page"
    for page in [site / "404.html", *site.glob("notebooks/lessons/*/index.html")]:
        assert parsed(page).select(".lesson-made, link[type='text/markdown']") == []


def test_a_commit_is_told_with_its_date_and_whether_files_have_changed(
    hooks: ModuleType, tmp_path: Path
) -> None:
    assert hooks.made_from(tmp_path) == ""
    (tmp_path / "a.md").write_text("1")
    dates = {"GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z"}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "--quiet"], ["add", "a.md"], [*who, "commit", "--quiet", "-m", "One"]):
        subprocess.run(["git", *command], cwd=tmp_path, env=os.environ | dates, check=True)
    made = hooks.made_from(tmp_path)
    assert re.fullmatch(r"From commit [0-9a-f]{12} of 2026-01-02\. ", made)
    (tmp_path / "b.md").write_text("2")
    assert hooks.made_from(tmp_path) == f"{made.removesuffix('. ')}, with changes since. "


def test_a_repository_on_gitlab_takes_a_report_in_its_own_form(hooks: ModuleType) -> None:
    page = SimpleNamespace(title="A", file=SimpleNamespace(src_uri="a.md"))
    address = hooks.report_address("https://gitlab.com/a/b/", page, "")
    assert address.startswith(
        "https://gitlab.com/a/b/-/issues/new?issue[title]=A%20fault%20in%20%22A%22&issue[description]="
    )


def test_one_folder_is_one_archive_whenever_it_was_made(hooks: ModuleType, tmp_path: Path) -> None:
    archives = []
    for name, time in (("b", 10**9), ("a", 2 * 10**9)):
        site = tmp_path / name
        (site / "c").mkdir(parents=True)
        for file in (site / "c" / "d.html", site / "e.html"):
            file.write_text("f")
            os.utime(file, (time, time))
        hooks.pack(site)
        archives.append((site / "how-pytorch-learns.zip").read_bytes())
    assert archives[0] == archives[1]
