"""What mkdocs-jupyter gives becomes a page like that of a lesson."""

import base64
import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from mkdocs_jupyter import convert  # type: ignore[import-untyped]
from mkdocs_jupyter.config import settings  # type: ignore[import-untyped]
from nbformat import v4

from lessons_src.engine.notebook_page import TEMPLATES, render_notebook

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="4" height="3" '
    'viewBox="0 0 4 3" role="img" aria-label="A &quot;dot&quot;."><linearGradient id="g" /></svg>'
)
DRAWN = SVG.replace(SVG[4 : SVG.index(" viewBox")], "", 1)
PICTURE = f"data:image/svg+xml;base64,{base64.b64encode(SVG.encode()).decode()}"


def rendered(html: str) -> str:
    return render_notebook(html, lambda address: address.replace("https://site/", "../"))[0]


def test_code_is_a_block_as_on_every_page() -> None:
    page = '<div class="highlight"><pre><code><span></span><span class="k">def</span></code></pre></div>'
    code = '<pre><span></span><span class="k">def</span></pre></div>'
    assert rendered(f'<div class="highlight-ipynb hl-python">{code}') == page
    assert rendered(f'<div class="highlight">{code}') == page


def test_outputs_are_those_of_a_lesson() -> None:
    assert rendered("<samp>1 &lt; 2</samp>") == (
        '<div class="lesson-output"><pre><samp>1 &lt; 2</samp></pre></div>'
    )
    assert rendered('<samp class="lesson-error">E: &amp;</samp>') == (
        '<div class="lesson-output lesson-error"><pre><samp>E: &amp;</samp></pre></div>'
    )
    assert 'class="lesson-output lesson-tree"' in rendered("<samp>└── a</samp>")
    assert 'class="lesson-output lesson-said"' in rendered("<samp>Not yet: the slope at 3 is 6.</samp>")


def test_a_picture_is_a_part_of_the_page_and_has_the_colours_of_its_palette() -> None:
    assert rendered(f'<img src="{PICTURE}"/>') == f'<figure class="lesson-figure">{DRAWN}</figure>'
    wide = base64.b64encode(b'<svg style="--graph-width: 40rem"/>').decode()
    page = rendered(f'<img alt="A" src="data:image/svg+xml;base64,{wide}"/>')
    assert page == ('<figure class="lesson-figure" tabindex="0"><svg style="--graph-width: 40rem"/></figure>')


def test_formulas_are_drawn_but_dollars_in_code_are_none() -> None:
    page = rendered("<p>$a$ <code>$1 $2</code>\n$$\nb\n$$</p><pre><code>$3 $4</code></pre><samp>$5 $6</samp>")
    soup = BeautifulSoup(page, "html.parser")
    assert [(str(tag["display"]), tag.text) for tag in soup.select("p > math")] == [
        ("inline", "a"),
        ("block", "b"),
    ]
    assert [tag.text for tag in soup.select("code, samp")] == ["$1 $2", "$3 $4", "$5 $6"]


def test_a_formula_that_cannot_be_drawn_is_left_to_its_lesson_which_reports_it() -> None:
    assert rendered("<p>$\\frac{$</p>") == "<p>$\\frac{$</p>"


def test_links_are_followed_within_the_site() -> None:
    assert rendered('<a href="https://site/a?b&amp;c">A</a> <a href="https://other/">B</a>') == (
        '<a href="../a?b&amp;c">A</a> <a href="https://other/">B</a>'
    )


def test_headings_are_named_as_on_the_page_of_the_lesson() -> None:
    own = '<a class="anchor-link" href="#x">¶</a>'
    html, headings = render_notebook(
        f'<h1 id="x">Why <code>.grad</code> &amp; more{own}</h1><h2>A</h2>\n<h2 id="a">A{own}</h2>', str
    )
    soup = BeautifulSoup(html, "html.parser")
    assert [tag["id"] for tag in soup.select("h1, h2")] == ["why-grad-more", "a", "a_1"]
    assert [tag["href"] for tag in soup.select("a.headerlink")] == ["#why-grad-more", "#a", "#a_1"]
    assert not soup.select(".anchor-link")
    (title,) = headings
    assert title["name"] == "Why .grad &amp; more"
    assert [each["id"] for each in title["children"]] == ["a", "a_1"]


def test_our_templates_give_a_notebook_without_styles_scripts_and_prompts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = [
        v4.new_output("stream", name="stdout", text="1 < 2\n"),
        v4.new_output("error", ename="E", evalue="e", traceback=["E: e"]),
        v4.new_output(
            "display_data", {"text/html": f'<img alt="A" src="{PICTURE}">', "text/plain": "A dot."}
        ),
    ]
    fold = f'<details>\n<summary>Answer</summary>\n\n*b*\n\n<img alt="A" src="{PICTURE}">\n\n</details>'
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# A\n\n" + fold),
            v4.new_code_cell("x = '<style>'", execution_count=1, outputs=outputs),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python", "language": "python"},
            "language_info": {"name": "python"},
        },
    )
    file = tmp_path / "a.ipynb"
    file.write_text(json.dumps(notebook))
    monkeypatch.setattr(settings, "templates_dir", str(TEMPLATES))
    html = rendered(convert.nb2html(str(file)))
    soup = BeautifulSoup(html, "html.parser")
    assert [tag.name for tag in soup.find_all(recursive=False)] == ["h1", "details", *["div"] * 3, "figure"]
    assert soup.select("details em")
    assert soup.select(".highlight code")[0].text.strip() == "x = '<style>'"
    assert [tag.text for tag in soup.select(".lesson-output samp")] == ["1 < 2", "E: e"]
    assert html.count(DRAWN) == 2
    assert not soup.select("style, script, [class*=jp-], [class*=clipboard], [onclick]")
    assert convert.nb2md(str(file)).strip() == ""
