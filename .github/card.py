"""Make docs/assets/card.png, which other sites show of a link: `.venv/bin/python .github/card.py`.

It needs Chromium, and the packages of the extras `draw` and `test`.
"""

import re
import shutil
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

from lessons_src import AutogradGraph

ROOT = Path(__file__).parents[1]
PALETTE = (ROOT / "docs" / "assets" / "palette.css").read_text(encoding="utf-8")

torch.manual_seed(0)
x, y = torch.linspace(-1, 1, 20), torch.linspace(-2, 4, 20)
a = torch.zeros(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
y_pred = a + b * x
loss = ((y_pred - y) ** 2).mean()
names = {"a": a, "b": b, "y_pred": y_pred, "loss": loss}
# Without its own style, in which a page's width decides how large it is.
drawing = re.sub(r' style="[^"]*"', "", AutogradGraph.from_output(loss, names).to_svg(), count=1)

PAGE = f"""<!doctype html><meta charset="utf-8"><style>{PALETTE}
body {{ margin: 0; width: 1200px; height: 630px; display: grid; grid-template-columns: 730px 1fr;
        align-items: center; color: var(--lesson-ink); background: var(--lesson-paper);
        font-family: var(--md-text-font-family) }}
main {{ padding-left: 80px }}
h1 {{ margin: 0 0 28px; font-size: 84px; line-height: 1.05; letter-spacing: -0.025em }}
p {{ margin: 0; font-size: 30px; line-height: 1.5; color: var(--lesson-muted) }}
svg {{ height: 550px; width: auto; justify-self: center }}
</style><body data-md-color-scheme="default"><main><h1>How PyTorch learns</h1>
<p>What does <code>loss.backward()</code> really do?<br>Every output was run by the build.</p></main>
{drawing}"""

with sync_playwright() as playwright:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
    page = browser.new_page(viewport={"width": 1200, "height": 630})
    page.set_content(PAGE)
    page.screenshot(path=ROOT / "docs" / "assets" / "card.png")
    browser.close()
