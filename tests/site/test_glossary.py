"""A word of the glossary has its sentence wherever a page uses it, and leads there once."""

import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT, load_hooks, parsed

GLOSSARY = ROOT / "docs" / "glossary.md"
SMALL = """\
### Leaf

A tensor whose `grad_fn` is *None*: a "leaf".

Lesson 6: [The computational graph](lessons/computational-graph.md)

<!-- # also: the leaves -->

### `grad_fn`

A word that is only code.

Lesson 6: [The computational graph](lessons/computational-graph.md)

### In place

Without a copy.

Lesson 7: [Why `no_grad`?](lessons/no-grad.md)

<!-- # also: inside; not: in place of -->
"""
LINK = '<a class="term" href="../#in-place" title="Without a copy.">'
ABBR = '<abbr title="Without a copy.">'


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    return load_hooks("hooks")


def marked(hooks: ModuleType, html: str) -> str:
    return str(hooks.mark_words(html, hooks.read_glossary(SMALL), "../"))


def test_the_first_use_on_a_page_is_a_link_and_the_first_in_each_other_section_has_the_sentence(
    hooks: ModuleType,
) -> None:
    html = "<p>in place, in place</p><h2>In place</h2><p>in place</p><h3>b</h3><p>in place</p>"
    assert marked(hooks, html) == (
        f"<p>{LINK}in place</a>, in place</p>"
        f"<h2>In place</h2><p>{ABBR}in place</abbr></p><h3>b</h3><p>in place</p>"
    )


def test_a_sentence_is_plain_text_in_an_attribute(hooks: ModuleType) -> None:
    assert 'title="A tensor whose grad_fn is None: a &quot;leaf&quot;."' in marked(hooks, "<p>leaf</p>")


@pytest.mark.parametrize("word", ["in place", "In place", "in-place", "In\nplace", "inside", "Inside"])
def test_a_word_is_found_at_the_start_of_a_sentence_over_the_end_of_a_line_and_by_its_other_name(
    hooks: ModuleType, word: str
) -> None:
    assert marked(hooks, f"<li>{word}.</li>") == f"<li>{LINK}{word}</a>.</li>"


@pytest.mark.parametrize(
    ("words", "forms"),
    [
        ("Tensor", ["tensor", "Tensor", "tensors"]),
        ("Loss", ["loss", "losses"]),
        ("Detach", ["detach", "detaches", "detached", "detaching"]),
        ("Accumulate", ["accumulates", "accumulated", "accumulating"]),
        ("Jacobian", ["Jacobian", "Jacobians"]),
        ("Chain rule", ["chain rule", "Chain rules", "chain\nrule"]),
    ],
)
def test_a_word_is_found_in_the_plural_and_as_a_verb(hooks: ModuleType, words: str, forms: list[str]) -> None:
    pattern, _ = hooks.read_glossary(f"### {words}\n\nA sentence.\n\nLesson 1\n")
    assert [form for form in forms if not pattern.fullmatch(form)] == []


@pytest.mark.parametrize(
    "html",
    [
        "<p>in place of a loop</p>",
        "<p>it leaves in w what was there</p>",
        "<p>leaflet, non-leaf, leaf-like, GRAD_FN, grad_fn</p>",
        "<p><code>leaf</code> <kbd>leaf</kbd></p>",
        '<p><a href="leaf">a <em>leaf</em></a></p>',
        '<h3 id="leaf">leaf</h3>',
        "<details><summary><b>Predict first.</b> A leaf?</summary></details>",
        "<figure><svg><text>leaf</text></svg><figcaption>leaf</figcaption></figure>",
        "<pre><samp>leaf</samp></pre>",
        "<math><mtext>leaf</mtext></math>",
        "<!-- lesson-results docs/leaf.md > leaf -->",
        '<p title="leaf"></p>',
    ],
)
def test_what_is_no_use_of_a_word_stays_as_it_is(hooks: ModuleType, html: str) -> None:
    assert marked(hooks, html) == html


def test_every_entry_has_one_sentence_of_words_that_stand_above_it_and_a_lesson(hooks: ModuleType) -> None:
    text = GLOSSARY.read_text(encoding="utf-8")
    entries = re.findall(r"^### (.+)\n\n(.+)\n\n(.+)\n", text, re.MULTILINE)
    assert text.count("\n### ") == len(entries) >= 45
    assert "```python" not in text, "a server would build it alone, and other pages show its sentences"
    names = [name for name, *_ in entries]
    assert len(names) == len(set(names))
    for number, (name, sentence, lesson) in enumerate(entries):
        assert re.fullmatch(r"[^.?!]*(?:[.(`]\w[^.?!]*)*\.", sentence), sentence
        assert re.fullmatch(r"Lesson \d+: \[.+\]\(lessons/[\w-]+\.md\)", lesson), name
        later = "".join(f"### {entry}\n\n.\n\n.\n" for entry in names[number + 1 :])
        prose = re.sub("`[^`]*`", "", sentence)
        found = hooks.read_glossary(later)[0].search(prose) if later else None
        assert found is None, f"{name}: {found}"
        code = set(re.findall("`[^`]*`", sentence))
        assert code.isdisjoint(names[number + 1 :]), f"{name}: {code}"


def test_the_lesson_of_an_entry_has_the_word(hooks: ModuleType) -> None:
    text = GLOSSARY.read_text(encoding="utf-8")
    entries = re.findall(r"^(### .+\n\n.+\n\n.+\((.+)\)\n(?:\n<!--.*-->\n)?)", text, re.MULTILINE)
    assert len(entries) == text.count("\n### ")
    for entry, lesson in entries:
        written = (ROOT / "docs" / lesson).read_text(encoding="utf-8")
        assert hooks.read_glossary(entry)[0].search(written), entry


@pytest.mark.slow
def test_every_lesson_leads_to_entries_that_are_there_and_the_search_knows_no_sentence(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {page["location"]: page["text"] for page in index["docs"]}
    soup = parsed(site / "glossary" / "index.html")
    assert soup.select("a.term, abbr") == []
    anchors = {str(entry["id"]) for entry in soup.select("h3[id]")}
    for page in site.glob("lessons/*/index.html"):
        soup = parsed(page)
        links = [str(link["href"]) for link in soup.select("a.term")]
        assert len(links) == len(set(links)) >= 5, page.parent.name
        assert {link.removeprefix("../../glossary/#") for link in links} <= anchors
        texts = " ".join(text for place, text in found.items() if page.parent.name in place)
        sentences = {str(term["title"]) for term in soup.select(".md-content :is(a.term, abbr)")}
        written = " ".join((ROOT / "docs" / "lessons" / f"{page.parent.name}.md").read_text("utf-8").split())
        plain = re.sub("[*`]", "", written)
        assert [sentence for sentence in sentences if sentence in texts and sentence not in plain] == []
