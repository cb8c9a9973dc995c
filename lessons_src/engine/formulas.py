"""Convert formulas to MathML, which browsers draw without scripts, fonts or other hosts."""

import re
from html import unescape

from latex2mathml.converter import convert

# The HTML of pymdownx.arithmatex for `$…$` and `$$…$$`.
_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[]\s*(?P<latex>.*?)\s*\\[)\]]</(?P=tag)>', re.DOTALL
)


class FormulaError(ValueError):
    """A formula that is not LaTeX, or has a command that cannot be converted."""

    def __init__(self, latex: str, reason: str) -> None:
        super().__init__(f"the formula ${latex}$ {reason}")
        self.latex = latex

    def find_in(self, text: str) -> int:
        """Return the line of the page's source that the formula begins on, counted from 1."""
        before, _, _ = text.partition(self.latex)
        return before.count("\n") + 1


def draw_formulas(html: str) -> str:
    r"""Replace the formulas in `html` by MathML.

    Raises `FormulaError` for a formula that cannot be converted.

    >>> draw_formulas(r'<span class="arithmatex">\(a\)</span>')
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>a</mi></mrow></math>'
    """
    return _FORMULA.sub(_draw, html)


def _draw(match: re.Match[str]) -> str:
    latex = unescape(match["latex"])
    try:
        mathml = convert(latex, display="inline" if match["tag"] == "span" else "block")
    except Exception as error:  # the library's exceptions have no common base class
        raise FormulaError(latex, "is not LaTeX: is a bracket or an argument missing?") from error
    if unknown := re.search(r"\\\w+", mathml):
        raise FormulaError(latex, f"has {unknown[0]}, which cannot be drawn")
    return mathml
