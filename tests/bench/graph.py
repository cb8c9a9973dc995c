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
ROUNDS, ROUND_TAKES = 11, 0.01  # seconds: or what other work has left in the caches would count
GRAPHS = "{:21}{:>7}{:>8}{:>8}{:>9}{:>8}{:>11}{:>11}{:>11}{:>15}"
LARGE_GRAPHS = "{:21}{:>10}{:>11}{:>10}{:>9}{:>9}{:>14}{:>17}"
SIZES = 10_000, 100_000, 1_000_000

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
edges = sum(len(node.edges) for node in graph.nodes)
print(edges, lines, middle - start, end - middle, (peak() - before) / len(graph.nodes))
"""


def main() -> None:
    """Print the costs, one graph a line."""
    sys.path.append(str(HELPERS))
    import networks

    torch.manual_seed(0)
    resnet = networks.resnet(blocks_each=9)
    small, large = networks.transformer(layers=10), networks.transformer(layers=24)
    graphs: list[tuple[str, Callable[[], torch.Tensor], Any]] = [
        ("resnet-like", lambda: networks.resnet_loss(resnet), resnet),
        ("10-layer transformer", lambda: networks.transformer_loss(small), small),
        ("24-layer transformer", lambda: networks.transformer_loss(large), large),
        ("20-fold doubling", lambda: networks.doublings(20), None),
        ("100-fold doubling", lambda: networks.doublings(100), None),
        ("chain of 10,000", lambda: networks.chain(10_000), None),
    ]
    print(f"\nThe graph of an output: microseconds, the best of {ROUNDS} rounds, in turn.\n")
    print(
        GRAPHS.format(
            "", "", "bare", "ours:", "+ names,", "+ text", "torchviz", "torchlens", "ours", "make_dot"
        )
    )
    print(GRAPHS.format("", "nodes", "walk", "walk", "shapes", "", "make_dot", "walk", "to bare", "to ours"))
    for name, make, model in graphs:
        _compare(name, make(), model)
    print(GRAPHS.format("aim", *[""] * 8, "at least 2"))
    print("\nLarge graphs, each in a process of its own: all lines, with shapes.\n")
    print(
        LARGE_GRAPHS.format(
            "", "edges", "lines", "graph, s", "text, s", "us/edge", "peak B/node", "to 1/10 of it"
        )
    )
    for kind in ("wide", "chain"):
        before = 0.0
        for size in SIZES:
            before = _measure_large(kind, size, before)
    print(LARGE_GRAPHS.format("aim", *[""] * 5, "at most 1,024", "wide: about 1.0"))


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
    bare, text, dot = costs[0], costs[3], costs[4]
    cells = [f"{cost:,.0f}" if isinstance(cost, float) else cost for cost in costs]
    print(GRAPHS.format(name, f"{bare_walk(grad_fn):,}", *cells, _ratio(text, bare), _ratio(dot, text)))


def _torchviz(output: torch.Tensor, model: Any) -> object:
    import torchviz  # type: ignore[import-untyped]

    return torchviz.make_dot(output, dict(model.named_parameters()) if model else None)


def _torchlens(output: torch.Tensor, model: Any) -> object:
    from torchlens.debug import walk_grad_fn

    return walk_grad_fn(output, model=model)


def _best(contenders: list[Callable[[], object]]) -> list[float | str]:
    """Return the shortest time of each, in microseconds, or the name of its error. All run in turn."""
    times: list[list[float]] = []
    repeats: list[int] = []
    errors: dict[int, str] = {}
    for i, contender in enumerate(contenders):
        times.append([])
        repeats.append(1)
        try:
            repeats[i] = 1 + int(ROUND_TAKES / _time(contender, 3))
        except (ImportError, RecursionError) as error:
            errors[i] = type(error).__name__.removesuffix("Error")
    for _ in range(ROUNDS):
        for i, contender in enumerate(contenders):
            if i not in errors:
                times[i].append(_time(contender, repeats[i]))
    return [errors[i] if i in errors else min(each) * 1e6 for i, each in enumerate(times)]


def _time(contender: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        contender()
    return (time.perf_counter() - start) / repeats


def _ratio(one: float | str, other: float | str) -> str:
    if isinstance(one, str) or isinstance(other, str):
        return "-"
    return f"{one / other:.1f} x"


def _measure_large(kind: str, size: int, smaller: float) -> float:
    """Print a graph's row; return its cost an edge, which is set beside that of a `smaller` one."""
    environment = os.environ | {"PYTHONPATH": str(HELPERS)}
    command = [sys.executable, "-c", LARGE, kind, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    if done.returncode:
        print(f"{kind:21}exit {done.returncode}: {done.stderr[-60:]}")
        return 0.0
    edges, lines, data, text, memory = map(float, done.stdout.split())
    each = (data + text) / edges * 1e6
    cells = f"{edges:,.0f}", f"{lines:,.0f}", f"{data:.2f}", f"{text:.2f}", f"{each:.2f}", f"{memory:,.0f}"
    print(LARGE_GRAPHS.format(kind, *cells, _ratio(each, smaller) if smaller else ""))
    return each


if __name__ == "__main__":
    main()
