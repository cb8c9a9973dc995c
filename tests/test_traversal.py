"""`traverse_graph` against independent walks, and against graphs that broke the course's first version."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import textwrap
import weakref
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from lessons_src import traverse_graph
from lessons_src.traversal import Tree, walk


def leaf() -> Tensor:
    return torch.ones(2, requires_grad=True)


def random_expression(seed: int, operations: int) -> Tensor:
    """A random graph: each operation takes one or two of the last few results."""
    choose = random.Random(seed)
    results = [leaf(), leaf(), torch.ones(2)]
    for _ in range(operations):
        x, y = choose.choices(results[-6:], k=2)
        results.append(choose.choice([x + y, x * y, x.sin(), torch.stack([x, y, x]).sum(0)]))
    return torch.stack(results).sum()


def first_version(grad_fn: Any) -> Any:
    """The function of the course's source, letter by letter."""
    if grad_fn is None:
        return None
    grad_fn_name = type(grad_fn).__name__
    memloc = hex(id(grad_fn))[-5:]
    children = []
    for next_func, _ in grad_fn.next_functions:
        if next_func is not None:
            children.append(first_version(next_func))
    return ((grad_fn_name, memloc), children)


def edges_below(grad_fn: Any) -> dict[Any, list[Any]]:
    """An independent walk: breadth first, from layer to layer."""
    found: dict[Any, list[Any]] = {}
    layer = [grad_fn]
    while layer:
        found |= {node: [fn for fn, _ in node.next_functions if fn is not None] for node in layer}
        layer = [fn for node in layer for fn in found[node] if fn not in found]
    return found


def entries(tree: Tree | None) -> list[Tree]:
    """Every distinct entry of the data, by identity."""
    found: dict[int, Tree] = {}
    waiting = [tree]
    while waiting:
        entry = waiting.pop()
        assert entry is not None
        if id(entry) not in found:
            found[id(entry)] = entry
            waiting.extend(entry[1])
    return list(found.values())


# What it returns


def test_an_expression_is_named_from_its_result_down_to_its_leaves() -> None:
    a, b = leaf(), leaf()
    tree = traverse_graph((a * b.sin()).grad_fn)
    assert names(tree) == (
        "MulBackward0",
        [("AccumulateGrad", []), ("SinBackward0", [("AccumulateGrad", [])])],
    )


def names(tree: Any) -> Any:
    (name, _), children = tree
    return name, [names(child) for child in children]


def test_a_leaf_has_no_graph() -> None:
    assert traverse_graph(leaf().grad_fn) is None


def test_an_input_without_a_gradient_is_left_out() -> None:
    tree = traverse_graph((torch.ones(2) * leaf()).grad_fn)
    assert names(tree) == ("MulBackward0", [("AccumulateGrad", [])])


def test_one_leaf_has_one_memory_location_and_one_entry() -> None:
    a = leaf()
    tree = traverse_graph((a + a.exp() * a).grad_fn)
    leaves = [entry for entry in entries(tree) if entry[0][0] == "AccumulateGrad"]
    assert len(leaves) == 1
    assert tree is not None
    assert tree[1][0] is leaves[0]


def test_an_operation_with_several_outputs_is_one_node() -> None:
    first, second, third = leaf().expand(3, 2).unbind()
    tree = traverse_graph((first * second + third).grad_fn)
    assert [entry[0][0] for entry in entries(tree)].count("UnbindBackward0") == 1


def test_small_graphs_come_out_as_from_the_first_version() -> None:
    for seed in range(20):
        grad_fn = random_expression(seed, operations=8).grad_fn
        assert grad_fn is not None
        alive = walk(grad_fn)  # holds every node, so that the first version's ids are true
        assert traverse_graph(grad_fn) == first_version(grad_fn), seed
        del alive


def test_random_graphs_have_one_entry_and_one_location_for_each_node() -> None:
    for seed in range(10):
        grad_fn = random_expression(seed, operations=300).grad_fn
        expected = Counter(type(node).__name__ for node in edges_below(grad_fn))
        found = entries(traverse_graph(grad_fn))
        assert Counter(name for (name, _), _ in found) == expected, seed
        assert len({memloc for (_, memloc), _ in found}) == len(found), seed


def test_a_walk_finds_each_node_once_and_after_its_inputs() -> None:
    for seed in range(10):
        grad_fn = random_expression(seed, operations=300).grad_fn
        assert grad_fn is not None
        graph = walk(grad_fn)
        assert graph == edges_below(grad_fn), seed
        place = {node: index for index, node in enumerate(graph)}
        assert all(place[fn] < place[node] for node, inputs in graph.items() for fn in inputs), seed


# Memory locations


def test_a_memory_location_is_the_end_of_the_nodes_address() -> None:
    grad_fn = (leaf() + 1).grad_fn
    tree = traverse_graph(grad_fn)
    assert tree is not None
    assert tree[0][1] == hex(id(grad_fn))[-5:]


def test_two_traversals_of_a_live_graph_agree() -> None:
    y = random_expression(3, operations=12)
    # Before torch 2.13, a node that nothing holds gets another id.
    held = edges_below(y.grad_fn) if torch.__version__ < "2.13" else {}
    first = traverse_graph(y.grad_fn)
    gc.collect()
    litter = [object() for _ in range(1000)]
    assert traverse_graph(y.grad_fn) == first
    del held, litter


@pytest.mark.slow
def test_memory_locations_stay_distinct_where_five_digits_collide() -> None:
    # Addresses are multiples of 16: five digits tell 65,536 of them apart, and no more.
    y = torch.stack([leaf() + 1 for _ in range(40_000)])
    found = entries(traverse_graph(y.grad_fn))
    memlocs = {memloc for (_, memloc), _ in found}
    assert len(memlocs) == len(found) == 80_001
    assert {len(memloc) for memloc in memlocs} != {5}


# Cost


@pytest.mark.parametrize("doublings", [20, 100])
def test_shared_nodes_cost_their_number_and_not_their_paths(doublings: int) -> None:
    y = leaf()
    for _ in range(doublings):
        y = y + y
    assert len(entries(traverse_graph(y.grad_fn))) == doublings + 1


# Graphs of other making


def test_a_graph_that_backward_has_freed_is_walked_as_before() -> None:
    y = (leaf() * leaf()).sum()
    before = names(traverse_graph(y.grad_fn))
    y.backward()  # type: ignore[no-untyped-call]
    assert names(traverse_graph(y.grad_fn)) == before


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return 2 * grads[0]


def test_a_custom_function_is_a_node_before_and_after_backward() -> None:
    y = Double.apply(leaf()).sum()  # type: ignore[no-untyped-call]
    expected: Any = ("SumBackward0", [("DoubleBackward", [("AccumulateGrad", [])])])
    assert names(traverse_graph(y.grad_fn)) == expected
    y.backward()
    assert names(traverse_graph(y.grad_fn)) == expected


def test_a_checkpoint_is_a_node() -> None:
    y = checkpoint(torch.sin, leaf(), use_reentrant=True)
    assert names(traverse_graph(y.grad_fn)) == ("CheckpointFunctionBackward", [("AccumulateGrad", [])])


def test_a_graph_of_gradients_is_a_graph() -> None:
    a = leaf()
    (gradient,) = torch.autograd.grad((a**3).sum(), a, create_graph=True)
    assert len(entries(traverse_graph(gradient.grad_fn))) == len(edges_below(gradient.grad_fn))


# Bad input


@pytest.mark.parametrize("tensor", [torch.ones(2), torch.nn.Parameter(torch.ones(2))])
def test_a_tensor_in_place_of_a_node_is_told_apart(tensor: Any) -> None:
    with pytest.raises(TypeError) as caught:
        traverse_graph(tensor)
    assert str(caught.value) == "grad_fn must be a node of the graph, not a tensor. Pass t.grad_fn."


@pytest.mark.parametrize(
    ("junk", "kind"), [(3, "int"), ("AddBackward0", "str"), (Double, "FunctionMeta"), ([], "list")]
)
def test_what_is_not_a_node_is_refused(junk: Any, kind: str) -> None:
    with pytest.raises(TypeError) as caught:
        traverse_graph(junk)
    assert str(caught.value) == f"grad_fn must be the grad_fn of a tensor, not {kind}."


# Life and death. A crash of the interpreter is seen from another process.


class Probe:
    """Put into a node's metadata, it dies with the node."""


def test_traversals_from_many_roots_keep_no_node_alive() -> None:
    choose = random.Random(0)
    results = [leaf() * 1]
    alive: weakref.WeakSet[Probe] = weakref.WeakSet()
    for _ in range(4000):
        x, y = choose.choices(results[-20:], k=2)
        results.append(x * y)
    for y in choose.sample(results[-500:], k=5):
        traverse_graph(y.grad_fn)
    for y in results:
        assert y.grad_fn is not None
        probe = Probe()
        y.grad_fn.metadata["probe"] = probe  # type: ignore[index]
        alive.add(probe)
    assert len(alive) == 4001
    del x, y, probe
    choose.shuffle(results)
    while results:
        results.pop()
    assert len(alive) == 0


PROGRAM = """
import contextlib, io, random, sys, threading
import torch
from lessons_src import pretty_print_graph, traverse_graph

def leaf():
    return torch.ones(1, requires_grad=True)

def chain(y, operations):
    for _ in range(operations):
        y = y + 1
    return y

def results(operations):
    found = [leaf()]
    for _ in range(operations):
        found.append(found[-1] + 1)
    return found

def show(y):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        pretty_print_graph(traverse_graph(y.grad_fn), show_memloc=True)
    assert "more lines" in printed.getvalue()

def in_a_small_thread(lesson):  # 1 MB of stack is what some 5,000 levels of recursion need
    threading.stack_size(1 << 20)
    thread = threading.Thread(target=lesson)
    thread.start()
    thread.join()

def in_the_main_thread(lesson):
    lesson()
"""


def run(program: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", PROGRAM + textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("where", ["in_the_main_thread", "in_a_small_thread"])
def test_a_chain_of_100_000_operations_is_walked_printed_and_freed(where: str) -> None:
    program = f"""
    def lesson():
        y = chain(leaf(), 100_000)
        show(y)
        del y
        print("freed")

    {where}(lesson)
    """
    assert run(program) == (0, "freed\n", "")


@pytest.mark.slow
def test_deep_graphs_of_every_shape_are_freed_in_every_order() -> None:
    program = """
    def an_intermediate_result_outlives_the_result():
        y = chain(leaf(), 20_000)
        z = chain(y, 10)
        show(z)
        del z
        del y

    def results_go_in_any_order():
        found = results(20_000)
        show(found[-1])
        random.Random(0).shuffle(found)
        while found:
            found.pop()

    def one_node_is_next_to_every_other():
        found = results(20_000)
        total = torch.stack(found).sum()
        show(total)
        found.reverse()
        del found
        del total

    def two_chains_run_side_by_side():
        x = leaf()
        y, z = chain(x, 10_000), chain(x, 10_000)
        product = y * z
        show(product)
        del product, y, z

    def a_growing_graph_is_walked_again_and_again():
        y = leaf()
        for _ in range(10):
            y = chain(y, 2_000)
            show(y)
        del y

    for lesson in (
        an_intermediate_result_outlives_the_result,
        results_go_in_any_order,
        one_node_is_next_to_every_other,
        two_chains_run_side_by_side,
        a_growing_graph_is_walked_again_and_again,
    ):
        print(lesson.__name__, file=sys.stderr, flush=True)  # the last name is that of the crash
        in_a_small_thread(lesson)
    print("freed")
    """
    returncode, out, names_so_far = run(program)
    assert (returncode, out) == (0, "freed\n"), names_so_far
