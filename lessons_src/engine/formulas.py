"""Formulas as MathML, which browsers draw by themselves: no script, no font, no other host."""

import re
from html import unescape

from latex2mathml.converter import convert

# What pymdownx.arithmatex makes of `$…$` and of `$$…$$`.
_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[]\s*(?P<latex>.*?)\s*\\[)\]]</(?P=tag)>', re.DOTALL
)


class FormulaError(ValueError):
    """A formula that is not LaTeX, or that is more of LaTeX than can be drawn."""

    def __init__(self, latex: str, reason: str) -> None:
        super().__init__(f"the formula ${latex}$ {reason}")
        self.latex = latex

    def find_in(self, text: str) -> int:
        """The line of a page's source, counted from 1, that the formula begins on."""
        before, _, _ = text.partition(self.latex)
        return before.count("\n") + 1


def draw_formulas(html: str) -> str:
    r"""Replace the formulas in `html` by MathML.

    Raises `FormulaError`, with the formula, when one cannot be drawn.

    >>> draw_formulas(r'<span class="arithmatex">\(a\)</span>')
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>a</mi></mrow></math>'
    """
    return _FORMULA.sub(_draw, html)


def _draw(match: re.Match[str]) -> str:
    latex = unescape(match["latex"])
    try:
        mathml = convert(latex, display="inline" if match["tag"] == "span" else "block")
    except Exception as error:  # the library's exceptions have no class in common
        raise FormulaError(latex, f"is not LaTeX: {type(error).__name__}") from error
    if unknown := re.search(r"\\\w+", mathml):
        raise FormulaError(latex, f"has {unknown[0]}, which cannot be drawn")
    return mathml
