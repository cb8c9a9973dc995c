"""A recorded backward is a backward: the same gradients, and a true account of how they came to be."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from recorded_graphs import (
    BUILDERS,
    Made,
    a_compiled_function,
    leaf,
    random_expression,
    shared_nodes,
)
from torch import Tensor, distributed, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils.checkpoint import checkpoint

from lessons_src import AutogradGraph, record_backward
from lessons_src.backward.hooks import MAX_NODES, _Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lessons_src.backward.hooks import BackwardRecord
    from lessons_src.backward.record import Gradient


class Failing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        raise ZeroDivisionError("a bug of the user's")


# The same gradients

builders = pytest.mark.parametrize(
    "build",
    # To compile takes seconds.
    [*BUILDERS, pytest.param(a_compiled_function, marks=pytest.mark.slow)],
    ids=lambda build: build.__name__,
)


@builders
def test_gradients_end_exactly_as_backward_leaves_them(build: Callable[[], Made]) -> None:
    torch.manual_seed(0)
    loss, tensors = build()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.manual_seed(0)
    recorded_loss, recorded_tensors = build()
    record_backward(recorded_loss)
    for tensor, recorded in zip(tensors, recorded_tensors, strict=True):
        assert_same(recorded.grad, tensor.grad)


def assert_same(found: Tensor | None, expected: Tensor | None) -> None:
    if found is None or expected is None:
        assert found is expected
        return
    assert (found.layout, found.dtype, found.shape) == (expected.layout, expected.dtype, expected.shape)
    if found.layout == torch.strided:
        assert found.stride() == expected.stride()
    else:
        assert (found.is_coalesced(), found._nnz()) == (expected.is_coalesced(), expected._nnz())
    assert torch.equal(found.to_dense(), expected.to_dense())


@builders
def test_each_node_runs_once_when_it_has_all_that_it_waits_for(build: Callable[[], Made]) -> None:
    loss, _ = build()
    nodes = AutogradGraph.from_output(loss).nodes
    record = record_backward(loss)
    assert sorted(step.node for step in record.steps) == list(range(len(nodes)))
    assert_order(record, [len([node for node, _ in node.edges if node]) for node in nodes])


def assert_order(record: BackwardRecord, fan_outs: list[int]) -> None:
    arrived = [0] * len(fan_outs)
    ready_after: list[int | None] = [None] * len(fan_outs)
    for number, step in enumerate(record.steps):
        assert (step.waits_for, step.ready_after) == (arrived[step.node], ready_after[step.node])
        assert len(step.sent) == fan_outs[step.node]
        for contribution in step.sent:
            arrived[contribution.node] += 1
            ready_after[contribution.node] = number
            assert contribution.arrived == arrived[contribution.node]
    awaited = {step.node: step.waits_for for step in record.steps}
    assert [awaited[node] for node in range(len(fan_outs))] == arrived
    assert all(sent.awaited == awaited[sent.node] for step in record.steps for sent in step.sent)


@pytest.fixture
def process_group() -> Iterator[None]:
    store = distributed.HashStore()  # type: ignore[attr-defined]
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("process_group")
def test_a_module_that_is_spread_over_processes_is_recorded() -> None:
    net = nn.Linear(3, 1)
    spread, x = nn.parallel.DistributedDataParallel(net), torch.randn(2, 3)
    spread(x).sum().backward()
    expected = [parameter.grad for parameter in net.parameters()]
    net.zero_grad()
    record = record_backward(spread(x).sum(), net)
    for parameter, grad in zip(net.parameters(), expected, strict=True):
        assert_same(parameter.grad, grad)
    assert [step.labels for step in record.steps if step.accumulation] == [["bias"], ["weight"]]


def test_gradient_is_what_backward_takes_for_a_loss_of_several_elements() -> None:
    x = leaf(2)
    weights = torch.tensor([1.0, 10.0], dtype=torch.float64)
    record = record_backward(3 * x, {"x": x}, gradient=weights)
    assert record.steps[0].came == record.steps[0].ran_with
    assert numbers(record.steps[0].came[0]) == [1.0, 10.0]
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 30.0]


def test_a_gradient_of_another_dtype_is_converted_by_no_hook() -> None:
    x = torch.ones(2, requires_grad=True)
    step = record_backward(3 * x, gradient=torch.ones(2, dtype=torch.float64)).steps[0]
    assert step.came == step.ran_with
    assert step.came[0] is not None
    assert step.came[0].dtype == "float32"
    with pytest.raises(RuntimeError, match="Mismatch in dtype"):
        record_backward(3 * x, gradient=torch.ones(2, dtype=torch.complex64))


class Tagged(Tensor):
    pass


def test_a_leaf_of_a_subclass_is_recorded() -> None:
    x = torch.tensor(2.0).as_subclass(Tagged).requires_grad_()
    (step,) = record_backward(x, {"x": x}).steps
    assert (step.name, step.labels) == ("AccumulateGrad", ["x"])


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is")  # torch.func's own
def test_zeros_without_memory_are_zeros() -> None:
    w = torch.ones(2, requires_grad=True)
    hessian = torch.func.hessian(lambda v: ((v * w) ** 3).sum())(torch.ones(2))
    last = record_backward(hessian.sum(), {"w": w}).steps[-1]
    assert w.grad is not None
    assert w.grad.tolist() == numbers(last.ran_with[0]) == [18.0, 18.0]


def test_of_a_tensor_that_computes_in_its_own_way_there_are_no_numbers() -> None:
    x = TwoTensor(torch.ones(2), torch.ones(2)).requires_grad_()  # type: ignore[no-untyped-call]
    record = record_backward((x * x).sum(), {"x": x})
    assert str(record).endswith("adds (2,) to x.grad, which was None")
    with FakeTensorMode():
        y = leaf(2)
        assert str(record_backward(y.exp().sum(), {"y": y})).endswith("adds (2,) to y.grad, which was None")


@pytest.mark.filterwarnings("ignore:Using backward\\(\\) with create_graph=True")
def test_gradients_may_get_a_graph() -> None:
    x = torch.tensor(3.0, requires_grad=True)
    record = record_backward(x * x * x, {"x": x}, create_graph=True)
    assert str(record).endswith("adds 27 to x.grad, which was None")
    assert x.grad is not None
    (second,) = torch.autograd.grad(x.grad, x)
    assert second.item() == 18.0
    x.grad = None  # which held the graph, which holds x


def test_with_inputs_only_what_leads_to_them_runs() -> None:
    x, y = leaf(), leaf()
    names = {"x": x, "y": y}
    record = record_backward(x.exp() * y.sin(), names, gradient=torch.ones_like(x), inputs=[x])
    assert [step.name for step in record.steps] == ["MulBackward0", "ExpBackward0", "AccumulateGrad"]
    assert "     sends nothing to [3], which did not run\n" in str(record)
    assert x.grad is not None
    assert y.grad is None


def test_a_graph_is_kept_where_that_is_asked_for() -> None:
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    record_backward(y, retain_graph=True)
    (leaf_step,) = [step for step in record_backward(y).steps if step.accumulation]
    assert leaf_step.accumulation is not None
    accumulation = leaf_step.accumulation
    assert [numbers(part) for part in (accumulation.before, accumulation.added, accumulation.after)] == [
        6,
        6,
        12,
    ]


def numbers(gradient: Gradient | None) -> Any:
    assert gradient is not None
    return gradient.values


# A true account: on random expressions, checked against the engine's own sums


def test_what_comes_in_is_the_sum_of_what_was_sent() -> None:
    for seed in range(200):
        print(f"{seed=}")  # pytest shows it when this fails
        loss, leaves = random_expression(seed)
        record = record_backward(loss)
        assert_what_comes_in_was_sent(record)
        assert_leaves_were_given_what_they_have(record, leaves)


def assert_what_comes_in_was_sent(record: BackwardRecord) -> None:
    sums: dict[tuple[int, int], Tensor] = {(0, 0): torch.ones((), dtype=torch.float64)}
    for step in record.steps:
        for output_nr, (came, ran_with) in enumerate(zip(step.came, step.ran_with, strict=True)):
            expected = sums.pop((step.node, output_nr), None)
            found = torch.tensor(numbers(ran_with), dtype=torch.float64) if ran_with else None
            assert_same(found, expected)
            assert came == ran_with
        for sent in step.sent:
            if sent.gradient:
                key = sent.node, sent.output_nr
                contribution = torch.tensor(numbers(sent.gradient), dtype=torch.float64)
                sums[key] = sums[key] + contribution if key in sums else contribution
    assert not sums


def assert_leaves_were_given_what_they_have(record: BackwardRecord, leaves: list[Tensor]) -> None:
    given = [step.accumulation for step in record.steps if step.accumulation]
    expected = [leaf.grad.tolist() for leaf in leaves if leaf.grad is not None]
    assert sorted(numbers(accumulation.after) for accumulation in given) == sorted(expected)
    assert all(accumulation.after == accumulation.added for accumulation in given)


@pytest.mark.slow
def test_a_random_graph_is_run_in_order_and_to_the_same_end() -> None:
    for seed in range(200):
        print(f"{seed=}")
        test_each_node_runs_once_when_it_has_all_that_it_waits_for(partial(random_expression, seed))
        test_gradients_end_exactly_as_backward_leaves_them(partial(random_expression, seed))


def test_a_hook_that_changes_a_gradient_in_place_is_seen() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    y = x * 3
    y.register_hook(lambda grad: grad.mul_(10))  # type: ignore[no-untyped-call]
    step = record_backward(y.exp() * 0 + y, {"y": y}).steps[-2]
    assert (step.labels, numbers(step.came[0]), numbers(step.ran_with[0])) == (["y"], 1.0, 10.0)


def test_a_backward_inside_is_no_step_but_what_it_adds_is_there() -> None:
    w = torch.tensor(2.0, requires_grad=True)
    loss = checkpoint(lambda x: x * w, w * 3, use_reentrant=True)
    record = record_backward(loss, {"w": w})
    assert [step.name for step in record.steps] == [
        "CheckpointFunctionBackward",
        "MulBackward0",
        "AccumulateGrad",
    ]
    accumulation = record.steps[-1].accumulation
    assert accumulation is not None
    parts = accumulation.before, accumulation.added, accumulation.after
    assert [numbers(part) for part in parts] == [6.0, 6.0, 12.0]


def test_a_recording_inside_a_recording_is_one_of_its_own() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    y = x * x
    z = y * 3
    inner: list[BackwardRecord] = []
    z.register_hook(lambda _: inner.append(record_backward(y, retain_graph=True)))  # type: ignore[no-untyped-call]
    outer = record_backward(z)
    assert [step.name for step in outer.steps] == ["MulBackward0", "MulBackward0", "AccumulateGrad"]
    assert [step.name for step in inner[0].steps] == ["MulBackward0", "AccumulateGrad"]
    assert x.grad is not None
    assert x.grad.item() == 4.0 + 12.0


def test_a_backward_before_the_first_node_is_another_one() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    y = x * x
    z = y * 3
    z.register_hook(lambda _: y.backward(retain_graph=True))  # type: ignore[no-untyped-call]
    record = record_backward(z, {"x": x})
    assert len(record.steps) == 3
    accumulation = record.steps[-1].accumulation
    assert accumulation is not None
    assert (numbers(accumulation.before), numbers(accumulation.after)) == (4.0, 16.0)


# Hooks


@pytest.fixture
def calls() -> Iterator[list[str]]:
    """The names of the recording's functions that are called."""
    found: list[str] = []

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call" and frame.f_globals["__name__"] == "lessons_src.backward.hooks":
            found.append(frame.f_code.co_name)

    sys.setprofile(note)
    yield found
    sys.setprofile(None)


def test_no_hook_is_left_on_any_node(calls: list[str]) -> None:
    loss, _ = shared_nodes()
    record_backward(loss, retain_graph=True)
    assert calls.count("node_starts") == calls.count("node_ends") == 5
    calls.clear()
    loss.backward()  # type: ignore[no-untyped-call]
    assert calls == []
    assert not recorders()


def recorders() -> list[object]:
    gc.collect()
    return [found for found in gc.get_objects() if type(found) is _Recorder]


def test_no_hook_is_left_where_a_node_raises(calls: list[str]) -> None:
    x = leaf(2)
    loss = (x * x + Failing.apply(x)).sum()  # type: ignore[no-untyped-call]
    with pytest.raises(ZeroDivisionError, match="^a bug of the user's\n"):
        record_backward(loss)
    assert "node_starts" in calls
    calls.clear()
    with pytest.raises(ZeroDivisionError):
        loss.backward()
    assert calls == []
    assert not recorders()


def test_an_exception_has_the_steps_until_then_and_says_which_node_raised_it() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    f = Failing.apply(x * 2)  # type: ignore[no-untyped-call]
    with pytest.raises(ZeroDivisionError) as caught:
        record_backward(f * x, {"x": x, "f": f})
    assert caught.value.__notes__ == [
        "FailingBackward: f [1] raised this after 1 step, which the attribute `record` has."
    ]
    assert str(caught.value.record) == (  # type: ignore[attr-defined]
        "1. MulBackward0 runs with 1\n"
        "     sends 2 to [1], which did not run\n"
        "     sends 4 to [3], which did not run"
    )
    y = x * 2
    y.register_hook(lambda _: 1 / 0)  # type: ignore[no-untyped-call]
    with pytest.raises(ZeroDivisionError) as caught:
        record_backward(y)
    assert caught.value.__notes__ == [
        "A hook or a check raised this after 0 steps, which the attribute `record` has."
    ]
    with pytest.raises(ValueError, match="^record must have a step to be drawn"):
        caught.value.record.to_svg()  # type: ignore[attr-defined]


def test_a_graph_that_was_freed_raises_what_pytorch_raises_and_keeps_no_hook(calls: list[str]) -> None:
    loss, _ = shared_nodes()
    loss.backward()  # type: ignore[no-untyped-call]
    with pytest.raises(RuntimeError, match="^Trying to backward through the graph a second time"):
        record_backward(loss)
    calls.clear()
    with pytest.raises(RuntimeError, match="^Trying to backward through the graph a second time"):
        loss.backward()  # type: ignore[no-untyped-call]
    assert calls == []


def test_the_users_hooks_run_once_a_backward_and_stay() -> None:
    x = leaf(2)
    y = x.exp()
    called: list[str] = []
    assert y.grad_fn is not None
    y.grad_fn.register_prehook(lambda _: called.append("prehook"))
    y.grad_fn.register_hook(lambda *_: called.append("hook"))
    y.register_hook(lambda _: called.append("of y"))  # type: ignore[no-untyped-call]
    x.register_hook(lambda _: called.append("of x"))  # type: ignore[no-untyped-call]
    x.register_post_accumulate_grad_hook(lambda _: called.append("after x"))  # type: ignore[no-untyped-call]
    expected = ["of y", "prehook", "hook", "of x", "after x"]
    record_backward(y.sum(), retain_graph=True)
    assert called == expected
    record_backward(y.sum(), retain_graph=True)
    y.sum().backward()  # type: ignore[no-untyped-call]
    assert called == 3 * expected


def test_a_record_keeps_no_tensor_alive() -> None:
    loss, leaves = shared_nodes()
    record = record_backward(loss, {"x": leaves[0]})
    assert not [found for found in reachable(record) if isinstance(found, Tensor)]


def reachable(start: object) -> list[object]:
    found = {id(start): start}
    waiting = [start]
    while waiting:
        for each in gc.get_referents(waiting.pop()):
            if id(each) not in found and not isinstance(each, type):
                found[id(each)] = each
                waiting.append(each)
    return list(found.values())


# What is refused, before anything runs


@pytest.mark.parametrize(
    ("loss", "options", "error", "message"),
    [
        (3.0, {}, TypeError, "loss must be a tensor, not float."),
        (nn.Linear(1, 1), {}, TypeError, "loss must be a tensor, not Linear."),
        (leaf().exp().grad_fn, {}, TypeError, "loss must be a tensor, not ExpBackward0."),
        (
            torch.ones(1),
            {},
            ValueError,
            (
                "loss must be a tensor with a graph, not one that requires no gradient. "
                "Compute it from tensors with requires_grad=True, outside torch.no_grad() and without "
                "detach()."
            ),
        ),
        (
            leaf(2, 3),
            {},
            ValueError,
            (
                "loss must be a tensor of one element, not one of shape (2, 3). "
                "Take its mean or sum, or pass gradient=, a tensor of that shape."
            ),
        ),
        (leaf(2), {"gradient": 1.0}, TypeError, "gradient must be a tensor or None, not float."),
        (
            leaf(),
            {"names": ["x"]},
            TypeError,
            "names must be a mapping of names to tensors, such as locals(), or a module, not list.",
        ),
        (leaf(), {"max_nodes": 0}, ValueError, "max_nodes must be at least 1, not 0."),
        (
            (leaf() * 2).exp(),
            {"max_nodes": 2},
            ValueError,
            (
                "loss must have a graph of at most max_nodes=2 nodes, not more. Nothing was run: "
                "record a smaller graph, or increase max_nodes."
            ),
        ),
    ],
)
def test_what_is_not_meant_is_named(loss: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        record_backward(loss, **options)
    assert str(caught.value) == message


def test_to_a_leaf_that_was_frozen_after_the_forward_nothing_is_added() -> None:
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    x.requires_grad = False
    assert str(record_backward(y, {"x": x})).endswith("adds nothing to x.grad, which was None")
    assert x.grad is None


def test_a_loss_inside_vmap_is_refused() -> None:
    w = leaf(2)

    def inside(x: Tensor) -> Tensor:
        loss = (w * x).sum()
        with pytest.raises(
            ValueError, match="^loss must be a tensor outside of torch.vmap and torch.func.grad,"
        ):
            record_backward(loss)
        return loss

    record = record_backward(torch.vmap(inside)(torch.ones(3, 2)).sum(), {"w": w})
    assert record.steps[-1].labels == ["w"]
    torch.vmap(torch.func.grad(inside))(torch.ones(3, 2))


@pytest.mark.parametrize("size", [2, 8])
@pytest.mark.parametrize("hook", [torch.neg, torch.neg_])
def test_a_hook_that_keeps_the_norm_is_seen(size: int, hook: Callable[[Tensor], Tensor]) -> None:
    x = leaf(size)
    h = x * 2
    h.register_hook(hook)  # type: ignore[no-untyped-call]
    for loss in ((h * h).sum(), h.square().sum()):  # two contributions, or the one that the hook gets itself
        record = record_backward(loss, {"x": x, "h": h}, retain_graph=True)
        assert [step.changed for step in record.steps] == [[False], [False], [True], [False]]
        assert ", changed by a hook from " in str(record)


def test_a_gradient_that_no_hook_changes_is_not_said_to_be_changed() -> None:
    x = leaf(8)
    h = x * torch.nan
    h.register_hook(torch.clone)  # type: ignore[no-untyped-call]
    record = record_backward((h + h * h).sum(), {"x": x})
    assert not any(changed for step in record.steps for changed in step.changed)


def test_a_record_is_counted_in_words() -> None:
    assert repr(record_backward(leaf(1).reshape(()))) == "<BackwardRecord of 2 steps>"
    assert repr(record_backward(torch.ones((), requires_grad=True))) == "<BackwardRecord of 1 step>"


def test_a_gradient_of_another_shape_raises_what_pytorch_raises() -> None:
    with pytest.raises(RuntimeError, match="^Mismatch in shape: grad_output"):
        record_backward(leaf(2) * 2, gradient=torch.ones(3))


def test_of_a_graph_that_is_too_large_nothing_runs() -> None:
    x = y = leaf()
    for _ in range(1000):
        y = y + 1
    with pytest.raises(
        ValueError, match="^loss must have a graph of at most max_nodes=1,000 nodes, not more"
    ):
        record_backward(y, max_nodes=1000)
    assert x.grad is None
    assert len(record_backward(y, max_nodes=1001).steps) == 1001


def test_a_graph_of_100_000_nodes_is_the_largest_unless_asked_for() -> None:
    assert MAX_NODES == 100_000


# A crash of the interpreter is seen from another process.


@pytest.mark.slow
def test_a_chain_of_10_000_operations_is_recorded_and_freed_in_a_small_thread() -> None:
    program = """
    import threading
    import torch
    from lessons_src import record_backward

    def lesson():
        x = y = torch.tensor(1.0, requires_grad=True)
        for _ in range(10_000):
            y = y * 1
        record = record_backward(y, {"x": x})
        del y
        print(len(record.steps), x.grad.item(), len(record.render().splitlines()))

    threading.stack_size(1 << 20)
    thread = threading.Thread(target=lesson)
    thread.start()
    thread.join()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "10001 1.0 1001\n", "")
