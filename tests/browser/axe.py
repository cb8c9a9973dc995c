"""What axe-core finds wrong with a page."""

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page

# Which need to know where everything on a page is, and that takes as long as all others together.
_MEASURING = ["color-contrast", "link-in-text-block", "target-size"]
# A contrast of 7, instead of 4.5, leaves no room for colours that mean something. The other has no verdict.
_LEFT_OUT = ["color-contrast-enhanced", "hidden-content"]

# Each pair of colours at each size is measured once, and each kind of link in a sentence. Then axe sees code
# without the spans of its other words: they are half of a page, and have a colour and nothing else. (A line
# that is highlighted has a ground.)
_FIND = """async ([area, measuring, others, leftOut]) => {
    const root = area ? document.querySelector(area) : document, looks = new Set();
    document.querySelectorAll('[data-look]').forEach(part => part.removeAttribute('data-look'));
    const texts = document.createTreeWalker(area ? root : document.body, NodeFilter.SHOW_TEXT);
    while (measuring.length && texts.nextNode()) {
        const text = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !text.checkVisibility({visibilityProperty: true})) continue;
        const link = text.closest('a');
        const around = link?.parentElement.closest(':not(abbr, b, code, em, i, span, strong)');
        const grounds = [];
        for (let box = text; box; box = box.parentElement)
            grounds.push(getComputedStyle(box).backgroundColor);
        const {color, fill, fontSize, fontWeight} = getComputedStyle(text);
        const look = [color, fill, fontSize, fontWeight, grounds.filter(colour => !colour.endsWith(', 0)'))];
        if (link && around.textContent.trim() !== link.textContent.trim())
            look.push(getComputedStyle(link).textDecorationLine, getComputedStyle(around).color);
        if (looks.has(`${look}`)) continue;
        looks.add(`${look}`);
        for (const part of [text, link]) part?.setAttribute('data-look', '');
    }
    const swapped = [...root.querySelectorAll('pre > code:not(:has(textarea))')].map(code => {
        const plain = code.cloneNode(true);
        for (const span of plain.querySelectorAll('span[class]:not([data-look], .hll)'))
            if (span.attributes.length === 1) span.replaceWith(...span.childNodes);
        code.replaceWith(plain);
        return [plain, code];
    });
    axe.configure({rules: [
        {id: 'color-contrast', selector: '[data-look]'},
        {id: 'link-in-text-block', selector: 'a[href][data-look]'},
    ]});
    const rules = axe.getRules().map(rule => rule.ruleId).filter(id =>
        !leftOut.includes(id) && (measuring.includes(id) || others));
    const found = await axe.run(root, {
        runOnly: {type: 'rule', values: rules}, resultTypes: ['violations'], preload: false, selectors: false,
    });
    swapped.forEach(([plain, code]) => plain.replaceWith(code));
    return [looks.size, found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html}`))];
}"""


def faults(page: Page, area: str = "", *, measured: bool = True, others: bool = True) -> list[str]:
    """Return what is wrong with a page, or an area of it, by rules that measure it, the others, or all."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE_SCRIPT)
    measuring = _MEASURING if measured else []
    left_out = _LEFT_OUT if measured else _LEFT_OUT + _MEASURING
    looks, found = page.evaluate(_FIND, [area, measuring, others, left_out])
    assert looks > (0 if area else 5) or not measured
    return list(found)
