"""What the fork server does once, so that no lesson has to: slow imports and a first figure.

No tensor is made here: a process that has run PyTorch's threads is not safe to fork.
"""

# ruff: noqa: E402, F401
import gc

# Importing makes a million objects and no garbage: looking for some takes a fifth of the time.
gc.disable()

import io

import matplotlib.backends.backend_svg
import matplotlib.pyplot as plt
import matplotlib_inline.backend_inline
import torch

# Otherwise imported, in a second, by the first optimiser that a lesson makes.
import torch._dynamo

from lessons_src.engine import figures, running, worker

# A first figure reads fonts, and a first logarithmic axis builds the parser of formulas. Matplotlib
# keeps the 50 formulas it has set last: these are the powers of ten that axes are labelled with.
_POWERS = [10.0**power for power in range(-9, 7)]
with plt.rc_context(figures.STYLE):
    plt.loglog(_POWERS, _POWERS, label="line")
    plt.xticks(_POWERS)
    plt.legend()
    plt.savefig(io.StringIO(), format="svg")
    plt.close("all")

# Lessons start from here: what there is by now is theirs to use, and never to be looked through.
gc.freeze()
gc.enable()
