"""What pages the site has, and what a test in a browser does to each."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LESSONS = sorted(path.stem for path in ROOT.glob("docs/lessons/*.md"))
REFERENCE = sorted(path.stem for path in ROOT.glob("docs/reference/*.md"))
OTHERS = sorted(path.stem for path in ROOT.glob("docs/*.md") if path.stem != "index")
PATHS = [
    "",
    *(f"{name}/" for name in OTHERS),
    *(f"lessons/{name}/" for name in LESSONS),
    *(f"reference/{name}/" for name in REFERENCE),
]
# The pages that have blocks to copy and run
CODE = [
    path
    for path in PATHS
    if "```python" in (ROOT / "docs" / f"{path.rstrip('/') or 'index'}.md").read_text("utf-8")
]
BUDGETS = tomllib.loads((ROOT / "tests" / "site" / "page_weight.toml").read_text(encoding="utf-8"))
NOTEBOOKS = ["notebooks/", *(f"notebooks/lessons/{name}/" for name in LESSONS)]

WIDTHS = (1300, 390)

UNFOLD = "document.querySelectorAll('details').forEach(fold => { fold.open = true })"

# A script hears of sizes once they are drawn. Then what scrolls is a region, and nothing else is.
SETTLED = """() => [...document.querySelectorAll('.md-content *')].every(box => {
    if (!box.checkVisibility()) return true;
    const scrolls = ['auto', 'scroll'].includes(getComputedStyle(box).overflowX)
        && box.offsetWidth && box.scrollWidth > box.clientWidth;
    return scrolls ? box.role === 'region' && box.tabIndex === 0
        : box.role !== 'region' && !box.matches('.lesson-output[tabindex], .lesson-figure[tabindex]');
})"""
