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
BUDGETS = tomllib.loads((ROOT / "tests" / "site" / "budgets.toml").read_text(encoding="utf-8"))
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

# Every rule but one: a contrast of 7, instead of 4.5, leaves no room for colours that mean something.
AXE = """async (area) => {
    const rules = axe.getRules().map(rule => rule.ruleId).filter(id => !id.startsWith('color-contrast'));
    const options = {runOnly: {type: 'rule', values: rules}, resultTypes: ['violations'], preload: false};
    const found = await axe.run(area || document, options);
    return found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html}`));
}"""

# To measure one contrast takes axe long: each pair of colours at each size is measured once.
CONTRAST = """async () => {
    const looks = new Map();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const part = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !part.checkVisibility({visibilityProperty: true})) continue;
        const grounds = [];
        for (let box = part; box; box = box.parentElement)
            grounds.push(getComputedStyle(box).backgroundColor);
        const {color, fill, fontSize, fontWeight} = getComputedStyle(part);
        const ground = grounds.filter(colour => !colour.endsWith(', 0)'));
        const look = [color, fill, fontSize, fontWeight, ground];
        if (!looks.has(`${look}`)) looks.set(`${look}`, part);
    }
    const options = {runOnly: {type: 'rule', values: ['color-contrast']}, resultTypes: ['violations']};
    const found = await axe.run({include: [...looks.values()]}, options);
    return [looks.size, found.violations.flatMap(rule => rule.nodes.map(node => node.html))];
}"""
