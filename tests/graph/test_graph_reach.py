"""Which parameters get no gradient and why, and the path to one that gets one: as data and as text."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from networks import chain, leaf
from torch import nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from lessons_src import AutogradGraph

from_output = AutogradGraph.from_output
UNUSED = "detached or unused"


def two_layers() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False))


# What is not reached


def test_a_detached_branch_an_unused_layer_and_a_frozen_one_are_told() -> None:
    net = nn.ModuleDict({name: nn.Linear(2, 2, bias=False) for name in "abcde"})
    net["c"].requires_grad_(requires_grad=False)
    x = torch.ones(2)
    with torch.no_grad():
        quiet = net["e"](x)
    unreached = from_output(net["a"](x) + net["b"](x).detach() + net["c"](x) + quiet).unreached(net)
    assert unreached == {
        "b.weight": UNUSED,
        "c.weight": "frozen",
        "d.weight": UNUSED,
        "e.weight": UNUSED,
    }
    assert str(unreached) == (
        "frozen (requires_grad is False): c.weight\n"
        "detached or unused (no operation in the graph leads to it): b.weight, d.weight and e.weight"
    )


def test_unreached_is_what_backward_gives_no_gradient() -> None:
    net = nn.LSTM(2, 3, num_layers=2)
    output, _ = net(torch.ones(1, 2))
    for loss in (output.sum(), output.detach().sum(), net.get_parameter("weight_hh_l0").sum()):
        unreached = from_output(loss).unreached(net)
        net.zero_grad()
        if loss.requires_grad:
            loss.backward(retain_graph=True)
        assert set(unreached) == {name for name, each in net.named_parameters() if each.grad is None}


def test_where_all_are_reached_there_is_none() -> None:
    net = two_layers()
    unreached = from_output(net(torch.ones(2))).unreached(net)
    assert unreached == {}
    assert str(unreached) == "every parameter is reached"


def test_a_parameter_that_was_frozen_after_the_forward_gets_none() -> None:
    net = two_layers()
    graph = from_output(net(torch.ones(2)))
    net[0].weight.requires_grad = False
    assert graph.unreached(net) == {"0.weight": "frozen"}


def test_a_parameter_that_was_frozen_after_the_forward_still_has_its_name() -> None:
    net = two_layers()
    output = net(torch.ones(2))
    net.requires_grad_(requires_grad=False)
    assert [node.label for node in from_output(output, net).leaves] == ["0.weight", "1.weight"]


def test_a_tied_parameter_is_reached_by_either_name_or_by_none() -> None:
    net = two_layers()
    net[1] = net[0]
    assert from_output(net[1](torch.ones(2))).unreached(net) == {}
    assert from_output(leaf(2)).unreached(net) == {"0.weight": UNUSED, "1.weight": UNUSED}


def test_parameters_that_a_functional_call_replaces_get_none() -> None:
    net = two_layers()
    replaced = {"0.weight": leaf(2, 2)}
    output = functional_call(net, replaced, torch.ones(2))
    assert from_output(output).unreached(net) == {"0.weight": UNUSED}


def test_below_what_was_not_read_a_reason_is_unknown() -> None:
    net = two_layers()
    unreached = from_output(net(torch.ones(2)), max_nodes=3).unreached(net)
    assert unreached == {"0.weight": "unknown", "1.weight": "unknown"}
    assert str(unreached) == (
        "unknown (the graph was cut at max_nodes, or a reentrant checkpoint hides a part of it): "
        "0.weight and 1.weight"
    )


def test_a_reentrant_checkpoint_hides_what_it_uses() -> None:
    net = two_layers()
    hidden = net[1](checkpoint(net[0], leaf(2), use_reentrant=True))
    assert from_output(hidden).unreached(net) == {"0.weight": "unknown"}
    shown = net[1](checkpoint(net[0], leaf(2), use_reentrant=False))
    assert from_output(shown).unreached(net) == {}


def test_many_names_are_counted() -> None:
    net = nn.Sequential(*[nn.Linear(1, 1, bias=False) for _ in range(50)]).requires_grad_(requires_grad=False)
    assert str(from_output(leaf(2)).unreached(net)).endswith(", 10.weight, 11.weight and 38 more")


@pytest.mark.parametrize("module", [3, nn.Linear, {"w": leaf(2)}])
def test_only_a_module_has_parameters(module: Any) -> None:
    with pytest.raises(TypeError, match="^module must be a module, not (int|type|dict)"):
        from_output(leaf(2)).unreached(module)


# A path


def names(graph: AutogradGraph, to: Any) -> list[str]:
    return [node.label or node.name for node in graph.path(to)]


def test_a_path_leads_from_an_output_to_a_leaf_or_a_name() -> None:
    w, v = leaf(2), leaf(2)
    h = w.exp()
    graph = from_output([h.sin().cos() * v, v.tan()], {"h": h, "w": w})
    assert names(graph, w) == names(graph, "w") == ["MulBackward0", "CosBackward0", "SinBackward0", "h", "w"]
    assert names(graph, "h") == ["MulBackward0", "CosBackward0", "SinBackward0", "h"]
    assert names(graph, v) == ["MulBackward0", "AccumulateGrad"]
    assert names(from_output(w, {"w": w}), w) == ["w"]


def test_a_path_leads_to_a_name_that_is_shown_with_an_escape() -> None:
    w = leaf(2)
    graph = from_output(w.exp(), {"a\nb": w})
    assert names(graph, "a\nb") == names(graph, r"a\nb") == ["ExpBackward0", r"a\nb"]


def test_inside_vmap_a_path_leads_to_the_tensor_of_the_batch() -> None:
    w = leaf(3, 2)

    def inside(x: torch.Tensor) -> torch.Tensor:
        graph = from_output(x.exp(), {"w": w})
        assert names(graph, x) == names(graph, w) == ["ExpBackward0", "w"]
        with pytest.raises(ValueError, match="^to must be a leaf .*, not the result of an operation"):
            graph.path(x.exp())
        return x

    torch.vmap(inside)(w)


def test_a_path_is_a_shortest_one() -> None:
    w = leaf(2)
    assert names(from_output(w.sin().cos() + w.exp(), {"w": w}), w) == ["AddBackward0", "ExpBackward0", "w"]


def test_a_path_may_be_deep() -> None:
    graph = from_output(chain(20_000))
    assert graph.path(graph.leaves[0].variable) == graph.nodes  # type: ignore[arg-type]


W = leaf(2)
SQUARE = W * W
MUST = "to must be a leaf that the graph reaches, not"


@pytest.mark.parametrize(
    ("to", "options", "error", "message"),
    [
        (3, {}, TypeError, "to must be a leaf's tensor or a name, not int."),
        (
            "b",
            {},
            ValueError,
            "to must be a name in the graph, which has none: name tensors with names=, not 'b'.",
        ),
        (
            "b",
            {"names": {"w": W, "y": SQUARE}},
            ValueError,
            "to must be a name in the graph, which has y and w, not 'b'.",
        ),
        (
            leaf(2),
            {},
            ValueError,
            f"{MUST} one that is detached or unused (no operation in the graph leads to it).",
        ),
        (torch.ones(2), {}, ValueError, f"{MUST} one that is frozen (requires_grad is False)."),
        (
            SQUARE,
            {},
            ValueError,
            f"{MUST} the result of an operation. Name it with names=, and pass the name.",
        ),
        (
            W,
            {"max_nodes": 1},
            ValueError,
            (
                f"{MUST} one that is unknown (the graph was cut at max_nodes, or a reentrant checkpoint "
                "hides a part of it)."
            ),
        ),
    ],
)
def test_where_no_path_leads_it_is_said_why(
    to: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        from_output(SQUARE, **options).path(to)
    assert str(caught.value) == message
