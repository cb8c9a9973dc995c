"""Figures have the colours that pages have."""

import re
from pathlib import Path

from lessons_src.palette import VARIABLES

CSS = Path(__file__).parents[1] / "docs" / "assets" / "palette.css"


def test_the_colours_are_those_that_a_light_page_gives_the_variables() -> None:
    light = CSS.read_text(encoding="utf-8").partition("}")[0]
    colours = dict(re.findall(r"(--lesson-\w+): (#\w+);", light))
    assert {variable: colours[variable] for variable in VARIABLES.values()} == {
        variable: colour for colour, variable in VARIABLES.items()
    }
