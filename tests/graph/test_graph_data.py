"""`AutogradGraph.from_output`: nodes, edges, names, shapes, and what a limit cuts."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from networks import chain, leaf, post_example, random_expression
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.autograd.graph import get_gradient_edge
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.testing._internal.two_tensor import TwoTensor

from lessons_src import AutogradGraph
from lessons_src.graph.build import read
from lessons_src.graph.model import GraphNode


def from_output(output: Any, names: Any = None, **options: Any) -> AutogradGraph:
    return AutogradGraph.from_output(output, names, **options)


def labels(graph: AutogradGraph) -> dict[str, str | None]:
    return {node.name: node.label for node in graph.nodes}


# Nodes and edges


def test_a_node_has_its_name_shapes_and_edges() -> None:
    w = leaf(2, 3)
    total, product, accumulate = from_output((w * torch.ones(3)).sum()).nodes
    assert [node.name for node in (total, product, accumulate)] == [
        "SumBackward0",
        "MulBackward0",
        "AccumulateGrad",
    ]
    assert (total.shapes, product.shapes, accumulate.shapes) == (((),), ((2, 3),), ((2, 3),))
    assert total.edges == ((product, 0),)
    assert product.edges == ((accumulate, 0), (None, 0))
    assert accumulate.edges == ()
    assert accumulate.variable is w
    assert (total.variable, product.variable) == (None, None)


def test_each_node_stands_once_before_its_inputs_at_its_index() -> None:
    for seed in range(20):
        nodes = from_output(random_expression(seed)).nodes
        assert [node.index for node in nodes] == list(range(len(nodes))), seed
        assert all(node.index < child.index for node in nodes for child, _ in node.edges if child), seed


def test_uses_counts_the_edges_that_lead_to_a_node() -> None:
    for seed in range(20):
        nodes = from_output(random_expression(seed)).nodes
        children = [child for node in nodes for child, _ in node.edges]
        assert all(node.uses == children.count(node) for node in nodes), seed


def test_the_first_input_of_a_tree_comes_right_after_its_user() -> None:
    a, b = leaf(2), leaf(2)
    graph = from_output(a.sin() + b.cos())
    assert [node.name for node in graph.nodes] == [
        "AddBackward0",
        "SinBackward0",
        "AccumulateGrad",
        "CosBackward0",
        "AccumulateGrad",
    ]


def test_an_edge_says_which_output_it_comes_from() -> None:
    first, _, third = leaf(3, 2).unbind()
    graph = from_output(first - third)
    assert [output_nr for _, output_nr in graph.nodes[0].edges] == [0, 2]
    assert graph.nodes[1].shapes == ((2,), (2,), (2,))


def test_pytorchs_own_nodes_come_beside_the_data() -> None:
    y = random_expression(0)
    nodes, outputs, made, _ = read(y, None, max_nodes=1000)
    assert y.grad_fn is not None
    assert made[y.grad_fn] is nodes[0] is outputs[0][0]
    assert {fn: type(fn).__name__ for fn in made} == {fn: node.name for fn, node in made.items()}
    assert sorted(node.index for node in made.values()) == [node.index for node in nodes]


def test_the_data_keeps_leaves_alive_and_not_the_graph() -> None:
    class Probe:
        alive = 0

        def __init__(self) -> None:
            Probe.alive += 1

        def __del__(self) -> None:
            Probe.alive -= 1

    y = leaf(2).sin()
    assert y.grad_fn is not None
    y.grad_fn.metadata["probe"] = Probe()  # type: ignore[index]  # the stub takes it for a method
    graph = from_output(y)
    del y
    assert Probe.alive == 0
    assert graph.leaves[0].variable is not None


def test_a_nodes_text_in_a_debugger_does_not_hold_the_graph_below() -> None:
    assert repr(from_output(leaf(2).sin()).nodes[0]) == (
        "GraphNode(index=0, name='SinBackward0', shapes=((2,),), labels={}, variable=None, uses=0, cut=0)"
    )


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(is_enabled: bool) -> None:
    (gc.enable if is_enabled else gc.disable)()
    try:
        graph = from_output(leaf(2).sin())
        assert gc.isenabled() == is_enabled
        graph.render()
        assert gc.isenabled() == is_enabled
        with pytest.raises(ValueError, match="max_nodes"):
            from_output(leaf(2).sin(), max_nodes=0)
        assert gc.isenabled() == is_enabled
    finally:
        gc.enable()


# Outputs


def outputs(graph: AutogradGraph) -> list[tuple[str | None, int]]:
    return [(node.name if node else None, output_nr) for node, output_nr in graph.outputs]


def test_an_output_may_be_a_tensor_a_node_an_edge_or_several() -> None:
    first, second = leaf(2, 2).unbind()
    x = leaf(2)
    given = [second, first.grad_fn, get_gradient_edge(second), x, torch.ones(2), None]
    assert outputs(from_output(given)) == [
        ("UnbindBackward0", 1),
        ("UnbindBackward0", 0),
        ("UnbindBackward0", 1),
        ("AccumulateGrad", 0),
        (None, 0),
        (None, 0),
    ]
    for each in given:
        assert outputs(from_output(each)) == outputs(from_output([each])) == outputs(from_output((each,)))


def test_an_output_may_be_what_a_model_returns_and_its_keys_become_names() -> None:
    class ModelOutput(OrderedDict[str, Any]):  # as Hugging Face's
        pass

    w = leaf(2)
    h = w.exp()
    first, second = h.unbind()
    losses = {"ce": h.sum(), "kl": second}
    output = ModelOutput(
        loss=losses["ce"],
        losses=losses,
        hidden_states=(w, (h, first)),
        past=object(),
        text="a",
        step=3,
        none=None,
    )
    graph = from_output(output, {"total": losses["ce"], "w": w})
    assert [node.label for node in graph.nodes] == [
        "total, loss, losses.ce",
        "hidden_states[1][1], losses.kl",
        "hidden_states[1][0]",
        "w, hidden_states[0]",
    ]
    assert outputs(graph) == [
        ("SumBackward0", 0),
        ("SumBackward0", 0),
        ("UnbindBackward0", 1),
        ("AccumulateGrad", 0),
        ("ExpBackward0", 0),
        ("UnbindBackward0", 0),
        (None, 0),
    ]
    assert outputs(from_output([(h, [w, None]), {"a": h.detach()}])) == [
        ("ExpBackward0", 0),
        ("AccumulateGrad", 0),
        (None, 0),
        (None, 0),
    ]
    edge, node = get_gradient_edge(w), h.grad_fn
    assert [each.label for each in from_output({"edge": edge, "node": node}).nodes] == ["node", "edge"]


LEAVES: dict[str, Callable[[], Tensor]] = {
    "sparse": lambda: torch.eye(2).to_sparse(),
    "sparse rows": lambda: torch.eye(2).to_sparse_csr(),
    "mkldnn": lambda: torch.eye(2).to_mkldnn(),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "jagged": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
    "subclass": lambda: torch.ones(2).as_subclass(Tagged),
    "wrapper": lambda: TwoTensor(torch.ones(2), torch.ones(2)),  # type: ignore[no-untyped-call]
    "meta": lambda: torch.ones(2, device="meta"),
}


class Tagged(Tensor):
    pass


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors", "ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("kind", LEAVES)
def test_a_leaf_of_any_kind_is_one_node(kind: str) -> None:
    w = LEAVES[kind]().requires_grad_()
    graph = from_output(w, {"w": w})
    assert graph.render() == "└── AccumulateGrad: w"
    assert graph.nodes[0].variable is w


def test_a_leaf_made_in_inference_mode_or_inside_a_function_transform_is_one_node() -> None:
    with torch.inference_mode():
        w = nn.Parameter(torch.ones(2))
    assert from_output(w, {"w": w}).render() == "└── AccumulateGrad: w"

    def inside(x: Tensor) -> Tensor:
        assert from_output(x, {"x": x}).render() == "└── AccumulateGrad: x"
        return x.sum()

    torch.func.grad(inside)(torch.ones(2))


def test_inside_vmap_the_graph_is_that_of_the_whole_batch() -> None:
    w = leaf(2)

    def inside(x: Tensor) -> Tensor:
        y = x * w
        graph = from_output(y, {"y": y, "w": w})
        assert [(node.label, node.shapes) for node in graph.nodes] == [("y", ((3, 2),)), ("w", ((2,),))]
        return y

    torch.vmap(inside)(torch.ones(3, 2))


def test_a_node_without_a_class_of_its_own_has_the_name_that_it_knows() -> None:
    (y,) = torch._foreach_mul([leaf(2)], 2.0)
    assert from_output(y).nodes[0].name.startswith("ForeachMulBackward")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("torch::autograd::CppNode<vision::(anonymous namespace)::RoiAlign>", "RoiAlign"),
        ("torch::autograd::CppNode<RoiAlign>", "RoiAlign"),
        ("torch::autograd::CppNode<vision::RoiAlign<float>>", "RoiAlign<float>"),
    ],
)
def test_a_function_of_an_extension_in_cpp_has_its_name(name: str, shown: str) -> None:
    class CppFunction:  # what Python has for it; to compile one takes a minute
        next_functions = ()
        _input_metadata = ()

        def name(self) -> str:
            return name

    node: Any = CppFunction()
    assert from_output(node).nodes[0].name == shown


def test_roots_are_the_outputs_nodes_and_leaves_have_a_variable() -> None:
    a, b = leaf(2), leaf(2)
    h = a * b
    graph = from_output([h.sum(), h, torch.ones(1), h])
    assert [node.name for node in graph.roots] == ["SumBackward0", "MulBackward0"]
    assert [node.variable for node in graph.leaves] == [a, b]


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_a_leaf_is_its_own_graph_in_every_mode(context: Any) -> None:
    w = leaf(2)
    with context():
        graph = from_output(w)
    assert [node.variable for node in graph.nodes] == [w]


def test_an_output_without_a_graph_has_no_nodes() -> None:
    graph = from_output(torch.ones(2))
    assert (graph.nodes, graph.roots, graph.leaves) == ([], [], [])


# Names


def test_locals_name_leaves_and_results_and_all_else_is_ignored() -> None:
    def lesson() -> AutogradGraph:
        steps, title, w = 3, "α", leaf(2)  # noqa: RUF001
        h = w.exp()
        frozen = torch.ones(2)
        loss = (h * h).sum()
        return from_output(loss, locals())

    assert labels(lesson()) == {
        "SumBackward0": "loss",
        "MulBackward0": None,
        "ExpBackward0": "h",
        "AccumulateGrad": "w",
    }


def test_all_names_of_one_tensor_are_given() -> None:
    w = leaf(2)
    y = w.exp()
    assert labels(from_output(y, {"w": w, "y": y, "loss": y})) == {
        "ExpBackward0": "y, loss",
        "AccumulateGrad": "w",
    }


def test_each_output_of_an_operation_has_its_own_names() -> None:
    first, second = leaf(2, 2).unbind()
    node = from_output(first + second, {"b": second, "a": first}).nodes[1]
    assert node.labels == {0: ("a",), 1: ("b",)}
    assert node.label == "a, b"


def test_an_equal_tensor_is_not_the_same_tensor() -> None:
    w = leaf(2)
    assert labels(from_output(w.exp(), {"v": leaf(2), "u": w.detach(), "y": w.exp()})) == {
        "ExpBackward0": None,
        "AccumulateGrad": None,
    }


def test_a_module_names_its_parameters_and_tied_ones_with_both_names() -> None:
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    graph = from_output(model(torch.ones(1, 2)), model)
    assert [node.label for node in graph.leaves] == ["0.weight, 1.weight"]


def test_a_module_among_locals_names_what_has_no_name() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    names = {"layer": model[0], "model": model, "bias": model[0].bias}
    graph = from_output(model(torch.ones(1, 2)), names)
    assert [node.label for node in graph.leaves] == ["bias", "layer.weight"]


def test_lists_and_dicts_name_what_has_no_name() -> None:
    v, w, layer = leaf(1), leaf(1), nn.Linear(1, 1, bias=False)
    names = {
        "params": [w, v, 3],
        "more": {"v": v, 2: layer},
        "layers": (layer,),
        "v": v,
    }
    graph = from_output(layer(v) * w, names)
    assert [node.label for node in graph.leaves] == ["v", "more[2].weight", "params[0]"]


def test_a_module_names_the_tensors_that_are_its_attributes() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = leaf(1)  # not an nn.Parameter, as happens
            self.register_buffer("state", leaf(1))

        def forward(self, x: Tensor) -> Tensor:
            self.h = self.w * x
            return self.h.sin() * self.get_buffer("state")

    net = Net()
    graph = from_output(net(torch.ones(1)), net)
    assert [node.label for node in graph.nodes] == [None, None, "h", "w", "state"]
    graph = from_output(net.h, {"net": net})
    assert [node.label for node in graph.nodes] == ["net.h", "net.w"]


def test_a_name_is_shown_in_one_line_and_never_empty() -> None:
    w = leaf(2)
    names = {"a\nb": w, "\x1b[31m": w, "": w, "größe": w}
    assert labels(from_output(w, names)) == {"AccumulateGrad": r"a\nb, \x1b[31m, '', größe"}
    assert labels(from_output({"a\nb": w})) == {"AccumulateGrad": r"a\nb"}
    assert labels(from_output({"m": {"a\nb": w}})) == {"AccumulateGrad": r"m.a\nb"}


def test_what_ipython_keeps_of_earlier_outputs_is_no_name() -> None:
    w = leaf(2)
    names = {"_": w, "__": w, "___": w, "_12": w, "_hidden": w, "Out": {1: w}}
    assert labels(from_output(w, names | {"_oh": {1: w}})) == {"AccumulateGrad": "_hidden"}
    assert labels(from_output(w, names)) == {"AccumulateGrad": "_, __, ___, _12, _hidden"}


def test_values_that_cannot_be_looked_at_are_no_names() -> None:
    layer = torch.nn.Linear(2, 1)
    with torch.no_grad():
        row = layer.weight[0]  # of weights that change: its node cannot be had
    layer(torch.ones(2)).sum().backward()
    torch.optim.SGD(layer.parameters(), lr=0.1).step()
    gone = weakref.proxy(type("Trainer", (), {})())
    names = {"row": row, "gone": gone, "layer": layer}
    graph = from_output(layer(torch.ones(2)), names)
    assert [node.label for node in graph.leaves] == ["layer.bias", "layer.weight"]


def test_a_name_of_a_node_is_shown_in_one_line() -> None:
    methods = {"forward": staticmethod(lambda _, x: x * 2), "backward": staticmethod(lambda _, grad: grad)}
    graph = from_output(type("A\nB", (torch.autograd.Function,), methods).apply(leaf(2)))  # type: ignore[attr-defined]
    assert graph.nodes[0].name == r"A\nBBackward"


def test_a_symbolic_shape_is_none() -> None:
    x = FakeTensorMode(shape_env=ShapeEnv()).from_tensor(torch.ones(5, 7, requires_grad=True))
    assert "(?)" in from_output(x.sin()).render(shapes=True)


def test_names_that_die_at_once_name_nothing_else() -> None:
    class Fleeting(Mapping[str, Tensor]):
        def __getitem__(self, key: str) -> Tensor:
            return leaf(2)

        def __iter__(self) -> Iterator[str]:
            return iter([f"ghost{i}" for i in range(100)])

        def __len__(self) -> int:
            return 100

    graph = from_output(torch.stack([leaf(2) for _ in range(100)]), Fleeting())
    assert {node.label for node in graph.nodes} == {None}


# Shapes


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype")
def test_a_tensor_without_a_shape_has_none() -> None:
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], requires_grad=True)
    assert [node.shapes for node in from_output(nested * 2).nodes] == [(None,), (None,)]


def test_a_result_that_is_no_tensor_still_counts_as_an_output() -> None:
    class Several(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            return x * 2, None, x.long()

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> Tensor:
            raise NotImplementedError

    first, _, _ = Several.apply(leaf(2))  # type: ignore[no-untyped-call]
    assert from_output(first).nodes[0].shapes == ((2,), (), ())


# Limits


def test_a_graph_as_large_as_allowed_is_whole() -> None:
    output, _ = post_example()
    graph = from_output(output, max_nodes=12)
    assert len(graph.nodes) == 12
    assert graph.cut == 0


@pytest.mark.parametrize("max_nodes", range(1, 12))
def test_a_larger_graph_is_cut_and_what_was_not_followed_is_counted(max_nodes: int) -> None:
    output, _ = post_example()
    nodes, _, made, _ = read(output, None, max_nodes)
    assert len(nodes) == len(made) <= max_nodes
    for fn, node in made.items():
        inputs = [child for child, _ in fn.next_functions if child is not None]
        assert (node.cut, len([child for child, _ in node.edges if child])) in (
            (len(inputs), 0),
            (0, len(inputs)),
        )
    assert AutogradGraph.from_output(output, max_nodes=max_nodes).cut == sum(node.cut for node in nodes) > 0


def test_the_nodes_nearest_to_the_output_are_read_first() -> None:
    y = leaf(2)
    short = y.sin()
    for _ in range(100):
        y = y.cos()
    graph = from_output(y + short, max_nodes=8)
    assert [node.name for node in graph.nodes].count("SinBackward0") == 1
    assert len(graph.leaves) == 1
    assert len(graph.nodes) == 8


def test_roots_are_there_however_small_the_limit() -> None:
    graph = from_output([leaf(2).sin(), leaf(2).cos()], max_nodes=1)
    assert [node.name for node in graph.nodes] == ["SinBackward0", "CosBackward0"]
    assert graph.cut == 2


def test_a_cut_node_that_has_all_its_inputs_already_is_followed() -> None:
    a, b = leaf(2), leaf(2)
    graph = from_output([a * b, a, b, (a * b).sin()], max_nodes=4)
    assert [(node.name, node.cut) for node in graph.nodes] == [
        ("MulBackward0", 0),
        ("AccumulateGrad", 0),
        ("AccumulateGrad", 0),
        ("SinBackward0", 1),
    ]


def test_nodes_can_be_made_by_hand() -> None:
    node = GraphNode(0, "SinBackward0", (), ((2,),), {0: ("y",)}, None, 0)
    assert AutogradGraph([node], ((node, 0),)).render() == "└── SinBackward0: y"


# Text and copies


def test_a_graph_says_in_short_what_it_is_and_in_full_its_tree() -> None:
    w = leaf(2)
    loss = (w * w).sum()
    graph = from_output([loss, loss.sin()], {"loss": loss})
    assert repr(graph) == "<AutogradGraph of loss and SinBackward0: 4 nodes, 1 leaf>"
    assert str(graph) == graph.render()
    assert repr(from_output(torch.ones(1))) == "<AutogradGraph without nodes>"


def saved(graph: AutogradGraph) -> AutogradGraph:
    file = io.BytesIO()
    torch.save(graph, file)
    file.seek(0)
    loaded: AutogradGraph = torch.load(file, weights_only=False)
    return loaded


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda graph: pickle.loads(pickle.dumps(graph)), saved, copy.copy]
)
def test_a_graph_is_copied_and_saved_with_its_names(copied: Callable[[AutogradGraph], AutogradGraph]) -> None:
    output, names = post_example()
    first, second = leaf(2, 3).unbind()
    graph = from_output(
        [output, None, first * second * torch.ones(3)], names | {"first": first}, max_nodes=15
    )
    other = copied(graph)
    assert graph.cut > 0
    options: Any = {"shapes": True, "show_none": True}
    for flat in (False, True):
        assert other.render(flat=flat, **options) == graph.render(flat=flat, **options)
    assert repr(other) == repr(graph)
    assert other.nodes[0] is not graph.nodes[0]
    assert [node.uses for node in other.nodes] == [node.uses for node in graph.nodes]
    assert all(child in other.nodes for node in other.nodes for child, _ in node.edges if child)
    assert [(child is None, output_nr) for child, output_nr in other.outputs] == [
        (False, 0),
        (True, 0),
        (False, 0),
    ]
    assert other.max_nodes == 15
    assert [node.variable.tolist() for node in other.leaves if node.variable is not None] == [
        node.variable.tolist() for node in graph.leaves if node.variable is not None
    ]


def test_a_copy_of_a_module_with_its_graph_has_the_modules_parameters() -> None:
    model = nn.Linear(1, 1)
    graph = from_output(model(torch.ones(1)), model)
    other_model, other = copy.deepcopy((model, graph))
    assert {leaf.variable for leaf in other.leaves} == set(other_model.parameters())


@pytest.mark.slow
def test_a_deep_graph_is_copied_and_pickled() -> None:
    graph = from_output(chain(20_000))
    assert len(copy.deepcopy(graph).nodes) == len(pickle.loads(pickle.dumps(graph)).nodes) == 20_001


def test_a_node_is_copied_and_pickled_with_what_is_below_it() -> None:
    w = leaf(2)
    first = from_output((w * w).sum(), {"w": w}).nodes[0]
    copies: list[Any] = [copy.deepcopy(first), pickle.loads(pickle.dumps(first))]
    for other in copies:
        ((product, _),) = other.edges
        assert (product.name, [child.label for child, _ in product.edges]) == ("MulBackward0", ["w", "w"])
