"""Graphs too deep for recursion and too large for waste. A crash is seen from another process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import random, resource, sys, threading
import torch
from networks import chain, leaf, wide
from lessons_src import AutogradGraph, print_graph

def in_a_small_thread(lesson):  # 1 MB of stack is what some 5,000 levels of recursion need
    threading.stack_size(1 << 20)
    thread = threading.Thread(target=lesson)
    thread.start()
    thread.join()

def in_the_main_thread(lesson):
    lesson()

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
"""


def run(program: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", PROGRAM + textwrap.dedent(program)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    environment.pop("COVERAGE_PROCESS_CONFIG", None)  # or it would take three times as long
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("where", "size"), [("in_the_main_thread", 100_000), ("in_a_small_thread", 40_000)])
def test_a_chain_deeper_than_the_stack_is_walked_printed_and_freed(where: str, size: int) -> None:
    program = f"""
    def lesson():
        y = chain({size})
        before = peak()
        graph = AutogradGraph.from_output(y, max_nodes=2 * {size})
        assert (peak() - before) / len(graph.nodes) <= 1024
        print(graph.render(max_lines=1))
        print(len(graph.render(max_lines=None).splitlines()))
        del graph
        print_graph(y, max_depth=1, max_nodes={size})
        print_graph(y, max_lines=2, max_nodes=1000)
        print_graph(y, max_lines=1, flat=True, max_nodes={size})
        del y
        print("freed")

    {where}(lesson)
    """
    expected = f"""\
        └── AddBackward0
        … {size:,} more lines
        {size + 1}
        └── AddBackward0 …
        … {size - 1:,} more lines, 1 input not followed, at max_nodes={size:,}
        └── AddBackward0
            └── AddBackward0
        … 998 more lines, 1 input not followed, at max_nodes=1,000
        [0] AddBackward0 ← [1]
        … {size - 1:,} more lines, 1 input not followed, at max_nodes={size:,}
        freed
        """
    assert run(program) == (0, textwrap.dedent(expected), "")


def test_a_wide_graph_takes_less_than_a_kilobyte_a_node() -> None:
    program = """
    y = wide(300_000)
    before = peak()
    graph = AutogradGraph.from_output(y)
    text = graph.render(shapes=True)
    assert (peak() - before) / len(graph.nodes) <= 1024
    print(len(graph.nodes), text.splitlines()[-1])
    """
    assert run(program) == (0, "300012 … 399,002 more lines\n", "")


@pytest.mark.parametrize(
    "look",
    [
        "AutogradGraph.from_output(h, max_nodes=5)",
        "AutogradGraph.from_output(h, max_nodes=25)",
        "results.append(h)",
    ],
)
def test_a_deep_graph_that_was_looked_at_node_by_node_is_freed(look: str) -> None:
    program = f"""
    def lesson():
        h, results = leaf(1), []
        for _ in range(20_000):
            h = h + 1
            {look}
        print_graph(leaf(1) * 2, {{"results": results}}, max_lines=1)
        del h, results
        print("freed")

    in_a_small_thread(lesson)
    """
    assert run(program)[:2] == (0, "└── MulBackward0\n… 1 more line\nfreed\n")


def test_deep_graphs_of_every_shape_are_freed_in_every_order() -> None:
    program = """
    def read_again_and_again_at_every_limit():
        y = leaf(1)
        for operation in range(40_000):
            y = y + 1
            if operation % 300 == 0:
                AutogradGraph.from_output(y, max_nodes=1_000)
        del y

    def short_cuts_of_every_length():
        choose, results = random.Random(0), [leaf(1)]
        for _ in range(40_000):
            results.append(results[-1] + results[-choose.randrange(1, min(60, len(results) + 1))])
        y = results[-1]
        del results
        AutogradGraph.from_output(y)
        del y

    def the_data_outlives_the_graph():
        y = chain(40_000)
        graph = AutogradGraph.from_output(y)
        node = graph.nodes[0]
        del y
        del graph
        del node

    def functions_of_ones_own():
        class Double(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return 2 * x

            @staticmethod
            def backward(ctx, grad):
                return 2 * grad

        y = leaf(1)
        for _ in range(40_000):
            y = Double.apply(y)
        AutogradGraph.from_output(y)
        del y

    for lesson in (
        read_again_and_again_at_every_limit,
        short_cuts_of_every_length,
        the_data_outlives_the_graph,
        functions_of_ones_own,
    ):
        print(lesson.__name__, file=sys.stderr, flush=True)  # the last name is that of the crash
        in_a_small_thread(lesson)
    print("freed")
    """
    returncode, out, names_so_far = run(program)
    assert (returncode, out) == (0, "freed\n"), names_so_far
