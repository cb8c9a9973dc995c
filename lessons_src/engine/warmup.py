"""Do what is slow in a lesson once, in the fork server: imports and a first figure.

This makes no tensor, because a process that has run PyTorch's threads is not safe to fork.
"""

# ruff: noqa: E402, F401
import atexit
import gc
import os
import signal

# The terminal's Ctrl-C is for the parent, whose end ends the server.
signal.signal(signal.SIGINT, signal.SIG_IGN)

# At its end the server frees nothing: taking PyTorch apart would take 0.3 s.
atexit.register(os._exit, 0)

# Imports make a million objects and no garbage; the collector would take a fifth of the time.
gc.disable()

import io

# A shell imports these by their names when it is made.
import IPython.core.application
import IPython.core.completerlib
import IPython.core.logger
import IPython.core.magics
import IPython.core.oinspect
import matplotlib.backends.backend_svg
import matplotlib.pyplot as plt
import matplotlib_inline.backend_inline
import torch

# The first optimiser of a lesson would import this, which takes a second.
import torch._dynamo
from matplotlib.backends.registry import backend_registry

from lessons_src.engine import figures, running, worker

# The first figure reads fonts, and the first logarithmic axis builds the parser of formulas.
with plt.rc_context(figures.STYLE):
    plt.loglog([1, 10], label="line")
    plt.legend()
    plt.savefig(io.StringIO(), format="svg")
    plt.close("all")

# The first choice of a backend reads the metadata of all installed packages.
backend_registry.list_all()  # type: ignore[no-untyped-call]

# The collector never visits the objects that exist now: that would copy their memory in each lesson.
gc.freeze()
gc.enable()
