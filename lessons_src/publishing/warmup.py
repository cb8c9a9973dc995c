"""What the fork server does once, so that no lesson has to: slow imports and a first figure.

No tensor is made here: a process that has run PyTorch's threads is not safe to fork.
"""

import io

import matplotlib.backends.backend_svg
import matplotlib.pyplot as plt
import matplotlib_inline.backend_inline
import torch

# Otherwise imported, in a second, by the first optimiser that a lesson makes.
import torch._dynamo  # noqa: F401

from lessons_src.publishing import figures, worker

# A first figure reads fonts; a first logarithmic axis builds the parser of formulas.
with plt.rc_context(figures.STYLE):
    plt.loglog([1, 10], [1, 10], label="line")
    plt.legend()
    plt.savefig(io.StringIO(), format="svg")
    plt.close("all")

__all__ = ["matplotlib", "matplotlib_inline", "torch", "worker"]
