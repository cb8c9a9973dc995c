"""The cost of an autograd graph as data and as text, beside a bare walk, torchviz and torchlens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lessons_src import AutogradGraph
from lessons_src.traversal import walk

HELPERS = Path(__file__).parents[1] / "graph"
ROUNDS, REPEATS = 11, 5

LARGE = """
import resource, sys, time
import networks
from lessons_src import AutogradGraph
y = getattr(networks, sys.argv[1])(int(sys.argv[2]))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before, start = peak(), time.perf_counter()
graph = AutogradGraph.from_output(y, max_nodes=2_000_000)
middle = time.perf_counter()
lines = graph.render(shapes=True, max_lines=None).count("\\n") + 1
end = time.perf_counter()
print(len(graph.nodes), lines, middle - start, end - middle, (peak() - before) / len(graph.nodes))
"""


def main() -> None:
    """Print the costs, one graph a line."""
    sys.path.append(str(HELPERS))
    import networks

    torch.manual_seed(0)
    resnet, transformer = networks.resnet(blocks_each=6), networks.transformer(layers=10)
    graphs: list[tuple[str, Callable[[], torch.Tensor], Any]] = [
        ("resnet-like", lambda: networks.resnet_loss(resnet), resnet),
        ("10-layer transformer", lambda: networks.transformer_loss(transformer), transformer),
        ("20-fold doubling", lambda: networks.doublings(20), None),
        ("100-fold doubling", lambda: networks.doublings(100), None),
        ("chain of 10,000", lambda: networks.chain(10_000), None),
    ]
    print(f"The graph of an output: microseconds, the best of {ROUNDS} rounds of {REPEATS}, in turn.\n")
    print(f"{'':29}{'bare':>9}{'ours:':>9}{'names,':>9}{'and':>9}{'torchviz':>10}{'torchlens':>10}  all of ours to")
    print(
        f"{'':22}{'nodes':>7}{'walk':>9}{'walk':>9}{'shapes':>9}{'text':>9}{'make_dot':>10}{'walk':>10}"
        "  bare walk, make_dot"
    )
    for name, make, model in graphs:
        _compare(name, make(), model)
    print("\nLarge graphs, each in a process of its own: all lines, with shapes.\n")
    print(f"{'':22}{'nodes':>10}{'lines':>10}{'graph, s':>10}{'text, s':>10}{'us/node':>10}{'peak B/node':>13}")
    for kind in ("wide", "chain"):
        for size in (10_000, 100_000, 1_000_000):
            _measure_large(kind, size)


def bare_walk(grad_fn: Any) -> int:
    """Visit every node once, and do nothing there."""
    seen = set()
    stack = [grad_fn]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(fn for fn, _ in node.next_functions if fn is not None)
    return len(seen)


def _compare(name: str, output: torch.Tensor, model: Any) -> None:
    grad_fn = output.grad_fn
    assert grad_fn is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchviz imports distutils, which warns
        import torchviz
        from torchlens.debug import walk_grad_fn

        contenders: list[Callable[[], object]] = [
            lambda: bare_walk(grad_fn),
            lambda: walk(grad_fn),
            lambda: AutogradGraph.from_output(output, model),
            lambda: AutogradGraph.from_output(output, model).render(shapes=True, max_lines=None),
            lambda: torchviz.make_dot(output, dict(model.named_parameters()) if model else None),
            lambda: walk_grad_fn(output, model=model),
        ]
        costs = _best(contenders)
    cells = [f"{cost:,.0f}" if isinstance(cost, float) else cost for cost in costs]
    widths = (9, 9, 9, 9, 10, 10)
    row = "".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    bare, text, dot = costs[0], costs[3], costs[4]
    print(f"{name:22}{bare_walk(grad_fn):>7,}{row}  {_ratio(text, bare)} x, 1/{_ratio(dot, text)}")


def _best(contenders: list[Callable[[], object]]) -> list[float | str]:
    """Run them in turn, so that all have the same weather; an error's name stands for its time."""
    times: list[list[float]] = [[] for _ in contenders]
    errors: dict[int, str] = {}
    for _ in range(ROUNDS):
        for i, contender in enumerate(contenders):
            if i not in errors:
                try:
                    times[i].append(_time(contender))
                except RecursionError:
                    errors[i] = "Recursion"
    return [errors.get(i, min(each) * 1e6 if each else "") for i, each in enumerate(times)]


def _time(contender: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(REPEATS):
        contender()
    return (time.perf_counter() - start) / REPEATS


def _ratio(one: float | str, other: float | str) -> str:
    if isinstance(one, str) or isinstance(other, str):
        return "-"
    return f"{one / other:.1f}"


def _measure_large(kind: str, size: int) -> None:
    environment = os.environ | {"PYTHONPATH": str(HELPERS)}
    command = [sys.executable, "-c", LARGE, kind, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    if done.returncode:
        print(f"{kind:22}exit {done.returncode}: {done.stderr[-60:]}")
        return
    nodes, lines, data, text, memory = map(float, done.stdout.split())
    each = (data + text) / nodes * 1e6
    print(f"{kind:22}{nodes:>10,.0f}{lines:>10,.0f}{data:>10.2f}{text:>10.2f}{each:>10.2f}{memory:>13,.0f}")


if __name__ == "__main__":
    main()
