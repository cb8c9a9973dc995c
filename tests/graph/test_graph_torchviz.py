"""Nodes and edges against torchviz's, an independent walk of the same graph."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import torch
from networks import (
    doublings,
    post_example,
    random_expression,
    resnet,
    resnet_loss,
    transformer,
    transformer_loss,
)
from torch import Tensor, nn

from lessons_src.graph.build import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch.autograd.graph import Node

    from lessons_src.graph.model import GraphNode

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torchviz imports distutils, which warns
    import torchviz  # type: ignore[import-untyped]

EDGE = re.compile(r"^\t(\d+) -> (\d+)$", re.MULTILINE)
NODE = re.compile(r'^\t(\d+) \[label="?([^"\]]*?)"?(?: fillcolor=\w+)?\]$', re.MULTILINE)


def ours(output: Tensor, made: Mapping[Node, GraphNode]) -> tuple[dict[str, str], Counter[tuple[str, str]]]:
    """The graph as torchviz draws it: with nodes of their own for leaves' tensors and for the output."""
    ids = {node: str(id(fn)) for fn, node in made.items()}
    nodes = {ids[node]: node.name for node in ids}
    edges = Counter((ids[child], ids[node]) for node in ids for child, _ in node.edges if child)
    for leaf in made.values():
        if leaf.variable is None:
            continue
        (shape,) = leaf.shapes
        assert shape is not None
        nodes[str(id(leaf.variable))] = f"{leaf.label or ''}\n ({', '.join(map(str, shape))})"
        edges[str(id(leaf.variable)), ids[leaf]] += 1
    nodes[str(id(output))] = "\n ()"
    assert output.grad_fn is not None
    edges[ids[made[output.grad_fn]], str(id(output))] += 1
    return nodes, edges


def theirs(output: Tensor, names: Mapping[str, Tensor]) -> tuple[dict[str, str], Counter[tuple[str, str]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # make_dot compares versions by distutils
        source = torchviz.make_dot(output, params=dict(names)).source
    return dict(NODE.findall(source)), Counter(EDGE.findall(source))


def check(output: Tensor, names: Mapping[str, Tensor]) -> None:
    # Held while torchviz walks: before torch 2.13, a node that nothing holds gets another id.
    made = read(output, names, max_nodes=10_000).made
    nodes, edges = ours(output, made)
    their_nodes, their_edges = theirs(output, names)
    assert nodes == their_nodes
    assert edges == their_edges


def test_the_example_of_the_source() -> None:
    output, names = post_example()
    leaves = {name: tensor for name, tensor in names.items() if tensor.is_leaf}
    check(output.sum(), leaves)


def test_a_residual_network() -> None:
    model = resnet()
    loss = resnet_loss(model)
    check(loss, dict(model.named_parameters()))


def test_a_transformer() -> None:
    model = transformer(layers=6)
    check(transformer_loss(model), dict(model.named_parameters()))


def test_an_lstm() -> None:
    lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    output, (hidden, cell) = lstm(torch.randn(5, 2, 3))
    check(output.sum() + hidden.sum() * cell.sum(), dict(lstm.named_parameters()))


def test_both_halves_of_an_adversarial_step() -> None:
    generator = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    critic = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(), nn.Linear(8, 1))
    names = {f"g.{name}": each for name, each in generator.named_parameters()}
    names |= {f"c.{name}": each for name, each in critic.named_parameters()}
    made = generator(torch.randn(4, 2))
    real = torch.randn(4, 3)
    score = nn.functional.binary_cross_entropy_with_logits
    critic_loss = score(critic(real), torch.ones(4, 1)) + score(critic(made.detach()), torch.zeros(4, 1))
    check(critic_loss, names)
    critic_loss.backward()  # type: ignore[no-untyped-call]
    check(score(critic(made), torch.ones(4, 1)), names)


def test_a_gradient_of_a_gradient() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = torch.randn(5, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    penalty = (slope.norm(dim=1) - 1).square().mean()
    gradients = torch.autograd.grad(penalty, list(model.parameters()), create_graph=True, allow_unused=True)
    names = dict(model.named_parameters())
    check(penalty, {**names, "x": x})
    check(sum_of(gradients), names)


def sum_of(tensors: Any) -> Tensor:
    return torch.stack([tensor.sum() for tensor in tensors if tensor is not None]).sum()


def test_doublings() -> None:
    check(doublings(100).sum(), {})


def test_random_expressions() -> None:
    for seed in range(300):
        output = random_expression(seed)
        check(output, {})
