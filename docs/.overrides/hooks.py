"""What the site does to its pages, whatever is on them: less weight, words explained, a browser's policy.

MkDocs calls each function at the event that it is named after.
"""

import base64
import hashlib
import re
from html import escape
from types import SimpleNamespace

from markdown.extensions.toc import slugify
from mkdocs.utils import get_relative_url

# Tokens with the colour of the text around them, in both palettes: a fifth of a page's elements.
_PLAIN = re.compile(r'<span class="(?:n|nn|nb|w|bp|vm)">([^<]*)</span>')
# A script in the page itself that runs: one with `src` is a file, one with `type` is data.
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

_GLOSSARY = "glossary.md"
# A word, its sentence, and what else is the word, or has the same letters and another sense.
_ENTRY = re.compile(
    r"^### (?P<word>\w.*)\n\n(?P<sentence>.+)\n\n.+\n"
    r"(?:\n<!-- # (?:also: (?P<also>.+?))?(?:; )?(?:not: (?P<otherwise>.+?))? -->\n)?",
    re.MULTILINE,
)
_MARKUP = re.compile(r"(<!--.*?-->|<[^>]*>)", re.DOTALL)
# What is no prose, or has something to click on.
_UNMARKED = re.compile(
    r"<(?P<end>/?)(?:a|abbr|autoref|button|code|figure|h\d|kbd|math|pre|samp|script|style|summary|svg)\b"
)

_now = SimpleNamespace(serving=False)


def on_startup(*, command, dirty):
    _now.serving = command == "serve"


def on_config(config):
    # Browsers need not take one file on a disk for the origin of another.
    _now.own = "'self' file:" if config.plugins["material/offline"].config.enabled else "'self'"


def on_files(files, *, config):
    _now.glossary = read_glossary(files.get_file_from_path(_GLOSSARY).content_string)


def on_page_content(html, *, page, config, files):
    html = _PLAIN.sub(r"\1", html)
    # A notebook is as one downloads it.
    if page.file.src_uri == _GLOSSARY or page.file.src_uri.endswith(".ipynb"):
        return html
    return mark_words(
        html, _now.glossary, get_relative_url(files.get_file_from_path(_GLOSSARY).url, page.url)
    )


def on_post_page(output, *, page, config):
    return _with_policy(output)


def on_post_template(output, *, template_name, config):
    return _with_policy(output) if template_name.endswith(".html") else output


def read_glossary(markdown):
    """Return the pattern that finds its words, and for each group of the pattern the anchor and the sentence.

    Of a phrase that has another sense, the group has neither. Longer phrases come first in the pattern.
    """
    found = {}
    for entry in _ENTRY.finditer(markdown):
        meaning = slugify(entry["word"], "-"), re.sub("[`*]", "", entry["sentence"])
        found |= dict.fromkeys([entry["word"], *re.split(", ", entry["also"] or "")], meaning)
        found |= dict.fromkeys(re.split(", ", entry["otherwise"] or ""), None)
    found.pop("", None)
    phrases = sorted(found, key=len, reverse=True)
    pattern = "|".join(f"({_forms(phrase)})" for phrase in phrases)
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])"), [found[phrase] for phrase in phrases]


def _forms(phrase):
    """Return a pattern of what a phrase looks like in a sentence: at its start, plural, or as a verb."""
    ending = "(?:e|es|ed|ing)" if phrase[-1] == "e" else f"{re.escape(phrase[-1])}(?:s|es|ed|ing)?"
    stem = f"[{phrase[0].upper()}{phrase[0].lower()}]{re.escape(phrase[1:-1])}"
    return re.sub(r"\\? |\\?-", r"[\\s-]+", stem) + ending


def mark_words(html, glossary, address):
    """Give the words of the glossary their sentences, once in each section, and the first on the page a link.

    All uses would be up to 170 on a page, which is more than one can read past.
    """
    pattern, meanings = glossary
    linked, marked, depth = set(), set(), 0

    def mark(word):
        meaning = meanings[word.lastindex - 1]
        if meaning is None or meaning in marked:
            return word[0]
        marked.add(meaning)
        anchor, title = meaning[0], escape(meaning[1])
        if meaning in linked:
            return f'<abbr title="{title}">{word[0]}</abbr>'
        linked.add(meaning)
        return f'<a class="term" href="{address}#{anchor}" title="{title}">{word[0]}</a>'

    parts = _MARKUP.split(html)
    for index, part in enumerate(parts):
        if tag := _UNMARKED.match(part):
            depth += -1 if tag["end"] else 1
            if part.startswith("<h2"):
                marked.clear()
        elif depth == 0 and not part.startswith("<"):
            parts[index] = pattern.sub(mark, part)
    return "".join(parts)


def _with_policy(html):
    """Allow nothing from another host, and of the scripts in the page only those that it was built with.

    Styles may be in the page: figures have many. `mkdocs serve` adds a script of its own, so there is no
    policy.

    Source: https://developer.mozilla.org/docs/Web/HTTP/Guides/CSP
    """
    if _now.serving:
        return html
    hashes = {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in _SCRIPT.findall(html)}
    scripts = " ".join(f"'sha256-{each}'" for each in sorted(hashes))
    policy = (
        f"default-src {_now.own}; script-src {_now.own} {scripts}; style-src {_now.own} 'unsafe-inline'; "
        f"img-src {_now.own} data:; object-src 'none'; base-uri 'self'; form-action 'self'"
    )
    # The encoding must be within the first 1,024 bytes, so the policy comes after it.
    return html.replace(
        '<meta charset="utf-8">',
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">',
        1,
    )
