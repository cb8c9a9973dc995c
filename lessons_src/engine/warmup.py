"""Do what is slow in a lesson once, in the fork server: imports, the shell and a first figure.

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

# A shell imports `bdb` and its logger when it runs its first block.
import bdb
import io

import IPython.core.logger
import matplotlib.pyplot as plt
import torch

# The first optimiser of a lesson would import this, which takes a second.
import torch._dynamo

from lessons_src.engine import running, worker
from lessons_src.engine.shell import lesson_shell

# Lessons start with a copy of it, which they get sooner than one of their own.
lesson_shell()

# The first figure reads fonts, and the first logarithmic axis builds the parser of formulas.
plt.loglog([1, 10], label="line")
plt.legend()
plt.savefig(io.StringIO(), format="svg")
plt.close("all")

# The collector never visits the objects that exist now: that would copy their memory in each lesson.
gc.freeze()
gc.enable()
