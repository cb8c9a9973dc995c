"""What `fit_line` costs beside the loop that it is made of: its checks and the losses it keeps."""

import time
from collections.abc import Callable
from typing import Any

import torch

from lessons_src import fit_line

STEPS = 1000


def main() -> None:
    torch.set_num_threads(1)
    x = torch.linspace(-1, 1, 100)
    y = 3 * x + 1
    # In turn, so that whatever else the machine does falls on both.
    pairs = [
        (_time(lambda: bare_loop(x, y)), _time(lambda: fit_line(x, y, steps=STEPS, a=0.0, b=0.0)))
        for _ in range(60)
    ]
    bare, ours = (min(times) for times in zip(*pairs, strict=True))
    print(f"\n{STEPS} steps on 100 points: bare loop {bare * 1000:.1f} ms, fit_line {ours * 1000:.1f} ms")
    print(f"{ours / bare:.3f} x; aim: at most 1.05")


def bare_loop(x: torch.Tensor, y: torch.Tensor, lr: float = 0.01) -> None:
    # To a type checker the `.grad` of a leaf may be None; here backward has set it.
    a: Any = torch.zeros(1, requires_grad=True)
    b: Any = torch.zeros(1, requires_grad=True)
    for _ in range(STEPS):
        loss = ((a + b * x - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            a -= lr * a.grad
            b -= lr * b.grad
            a.grad.zero_()
            b.grad.zero_()


def _time(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start
