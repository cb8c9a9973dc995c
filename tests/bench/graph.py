"""The cost of an autograd graph as data and as text, beside a bare walk, torchviz and torchlens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lessons_src import AutogradGraph
from lessons_src.traversal import walk

if TYPE_CHECKING:
    from collections.abc import Callable

HELPERS = Path(__file__).parents[1] / "graph"
ROUNDS, REPEATS = 11, 5
GRAPHS = "{:22}{:>7}{:>9}{:>9}{:>9}{:>9}{:>10}{:>10}  {}"
LARGE_GRAPHS = "{:22}{:>10}{:>10}{:>10}{:>10}{:>10}{:>13}"

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
    resnet, transformer = networks.resnet(blocks_each=9), networks.transformer(layers=10)
    graphs: list[tuple[str, Callable[[], torch.Tensor], Any]] = [
        ("resnet-like", lambda: networks.resnet_loss(resnet), resnet),
        ("10-layer transformer", lambda: networks.transformer_loss(transformer), transformer),
        ("20-fold doubling", lambda: networks.doublings(20), None),
        ("100-fold doubling", lambda: networks.doublings(100), None),
        ("chain of 10,000", lambda: networks.chain(10_000), None),
    ]
    print(f"The graph of an output: microseconds, the best of {ROUNDS} rounds of {REPEATS}, in turn.\n")
    print(GRAPHS.format("", "", "bare", "ours:", "names,", "and", "torchviz", "torchlens", "all of ours to"))
    print(GRAPHS.format("", "nodes", "walk", "walk", "shapes", "text", "make_dot", "walk", "bare, make_dot"))
    for name, make, model in graphs:
        _compare(name, make(), model)
    print("\nLarge graphs, each in a process of its own: all lines, with shapes.\n")
    print(LARGE_GRAPHS.format("", "nodes", "lines", "graph, s", "text, s", "us/node", "peak B/node"))
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
        costs = _best(
            [
                lambda: bare_walk(grad_fn),
                lambda: walk(grad_fn),
                lambda: AutogradGraph.from_output(output, model),
                lambda: AutogradGraph.from_output(output, model).render(shapes=True, max_lines=None),
                lambda: _torchviz(output, model),
                lambda: _torchlens(output, model),
            ]
        )
    cells = [f"{cost:,.0f}" if isinstance(cost, float) else cost for cost in costs]
    bare, text, dot = costs[0], costs[3], costs[4]
    ratios = f"{_ratio(text, bare)} x, 1/{_ratio(dot, text)}"
    print(GRAPHS.format(name, f"{bare_walk(grad_fn):,}", *cells, ratios))


def _torchviz(output: torch.Tensor, model: Any) -> object:
    import torchviz  # type: ignore[import-untyped]

    return torchviz.make_dot(output, dict(model.named_parameters()) if model else None)


def _torchlens(output: torch.Tensor, model: Any) -> object:
    from torchlens.debug import walk_grad_fn

    return walk_grad_fn(output, model=model)


def _best(contenders: list[Callable[[], object]]) -> list[float | str]:
    """Return the shortest time of each, in microseconds, or the name of its error. All run in turn."""
    times: list[list[float]] = [[] for _ in contenders]
    errors: dict[int, str] = {}
    for _ in range(ROUNDS):
        for i, contender in enumerate(contenders):
            if i not in errors:
                try:
                    times[i].append(_time(contender))
                except (ImportError, RecursionError) as error:
                    errors[i] = type(error).__name__.removesuffix("Error")
    return [errors[i] if i in errors else min(each) * 1e6 for i, each in enumerate(times)]


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
    each = f"{(data + text) / nodes * 1e6:.2f}"
    counts = f"{nodes:,.0f}", f"{lines:,.0f}"
    print(LARGE_GRAPHS.format(kind, *counts, f"{data:.2f}", f"{text:.2f}", each, f"{memory:,.0f}"))


if __name__ == "__main__":
    main()
