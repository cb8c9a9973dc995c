"""The site's colours: a figure or drawing that uses them changes with the page's light or dark palette.

This is plain data without imports, so that every wing may use it.
"""

INK, MUTED, GRID, PAPER = "#1f2933", "#616e7c", "#dde3ea", "#ffffff"
SERIES = BLUE, ORANGE, GREEN, PLUM, GREY = ("#2563a8", "#b04f0a", "#2f7d4f", "#a23b72", "#7b8794")
"""The colours of Matplotlib's `C0` to `C4`."""

VARIABLES = {
    INK: "--lesson-ink",
    MUTED: "--lesson-muted",
    GRID: "--lesson-grid",
    PAPER: "--lesson-paper",
    **{colour: f"--lesson-c{number}" for number, colour in enumerate(SERIES)},
}
"""The CSS variable of each colour, as in `docs/assets/palette.css`."""
