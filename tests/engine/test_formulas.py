"""Formulas are drawn when the site is built, or named when they cannot be."""

import pytest

from lessons_src.engine.formulas import FormulaError, draw_formulas


def formula(latex: str) -> str:
    return f'<p>So <span class="arithmatex">\\({latex}\\)</span>.</p>'


def test_a_formula_in_a_line_and_one_on_its_own_are_drawn_as_such() -> None:
    assert 'display="inline"' in draw_formulas(formula("a < b".replace("<", "&lt;")))
    assert 'display="block"' in draw_formulas('<div class="arithmatex">\\[\na^2\n\\]</div>')


def test_what_stands_around_a_formula_stays() -> None:
    html = draw_formulas(formula("a") + formula("b"))
    assert html.count("<p>So <math") == html.count("</math>.</p>") == 2
    assert draw_formulas("<p>$a$</p>") == "<p>$a$</p>"


def test_a_formula_that_is_not_latex_is_an_error_that_names_it() -> None:
    with pytest.raises(FormulaError, match="is not LaTeX"):
        draw_formulas(formula(r"\frac{"))


def test_a_command_that_cannot_be_drawn_is_an_error_that_names_it() -> None:
    with pytest.raises(FormulaError, match=r"has .foo, which cannot be drawn"):
        draw_formulas(formula(r"a \foo b"))
