"""What the site does to its pages, whatever is on them: less weight, and a policy for the browser.

MkDocs calls each function at the event that it is named after.
"""

import base64
import hashlib
import re
from types import SimpleNamespace

# Tokens with the colour of the text around them, in both palettes: a fifth of a page's elements.
_PLAIN = re.compile(r'<span class="(?:n|nn|nb|w|bp|vm)">([^<]*)</span>')
# A script in the page itself that runs: one with `src` is a file, one with `type` is data.
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

_now = SimpleNamespace(serving=False)


def on_startup(*, command, dirty):
    _now.serving = command == "serve"


def on_page_content(html, *, page, config, files):
    return _PLAIN.sub(r"\1", html)


def on_post_page(output, *, page, config):
    # A notebook's page has a template of its own, with handlers in its HTML.
    return output if page.file.src_uri.endswith(".ipynb") else _with_policy(output)


def on_post_template(output, *, template_name, config):
    return _with_policy(output) if template_name.endswith(".html") else output


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
        f"default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'"
    )
    # The encoding must be within the first 1,024 bytes, so the policy comes after it.
    return html.replace(
        '<meta charset="utf-8">',
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">',
        1,
    )
