"""Make the picture of one ``backward()``: the graph that ran, with gradients on its arrows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from lessons_src.backward.steps import gradient_text
from lessons_src.graph.drawing_text import CELLS, cells, listed, outputs_text, wrap
from lessons_src.graph.model import GraphData, GraphNode
from lessons_src.graph.picture import Line, make_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lessons_src.backward.record import Accumulation, Gradient, Step
    from lessons_src.graph.model import Edge
    from lessons_src.graph.picture import Arrow, Box, Picture

DIGITS = 4


def backward_picture(steps: Sequence[Step]) -> Picture:
    """Return the picture of the graph that ran, with gradients on its arrows and in its boxes.

    >>> import torch
    >>> from lessons_src import record_backward
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> picture = backward_picture(record_backward(w * w, {"w": w}).steps)
    >>> [arrow.text for arrow in picture.arrows], [line.text for line in picture.boxes[1].lines]
    (['3', '3'], ['w', 'AccumulateGrad', '.grad 6'])
    """
    graph = _graph(steps)
    sent = {(str(step.node), str(each.edge)): each.gradient for step in steps for each in step.sent}
    kept = {str(step.node): _kept_text(step.accumulation) for step in steps if step.accumulation}
    sums = {str(step.node): _short_text(step.ran_with[0]) for step in steps if _has_sum(step)}
    picture = make_picture(graph)
    names = {box.data["index"]: box.data.get("label", "a leaf without a name") for box in picture.boxes}
    description = f"{picture.description} Beside each arrow is the gradient that was sent along it."
    if kept:
        description += f" In .grad: {listed([f'{names[index]} {text}' for index, text in kept.items()])}."
    return replace(
        picture,
        title=f"Backward of {outputs_text(graph)}",
        description=description,
        boxes=tuple([_noted(box, kept, sums) for box in picture.boxes]),
        arrows=tuple([_sent_along(arrow, sent) for arrow in picture.arrows]),
    )


def _graph(steps: Sequence[Step]) -> GraphData:
    """Return the nodes and edges of the steps as a graph. A node that did not run has that as its name."""
    nodes = {step.node: _node(step) for step in steps}
    for sent in [each for step in steps for each in step.sent]:
        if sent.node not in nodes:
            nodes[sent.node] = GraphNode(sent.node, "did not run", (), (None,), {}, None, 0)
    for step in steps:
        edges: list[Edge] = [(None, 0)] * (1 + max([sent.edge for sent in step.sent], default=-1))
        for sent in step.sent:
            edges[sent.edge] = nodes[sent.node], sent.output_nr
        nodes[step.node].edges = tuple(edges)
    # The first step is the loss's node, which has received the start for one of its outputs.
    start = next(output_nr for output_nr, came in enumerate(steps[0].came) if came)
    return GraphData([nodes[index] for index in sorted(nodes)], ((nodes[steps[0].node], start),))


def _node(step: Step) -> GraphNode:
    shapes = [None if came is None or came.shape is None else tuple(came.shape) for came in step.came]
    labels = {output_nr: (label,) for output_nr, label in enumerate(step.labels) if label}
    # A node with a variable is drawn as a leaf. A record keeps no tensor, so this one is empty.
    variable = torch.empty(0, device="meta") if step.accumulation else None
    return GraphNode(step.node, step.name, (), tuple(shapes), labels, variable, step.waits_for)


def _sent_along(arrow: Arrow, sent: dict[tuple[str, str], Gradient | None]) -> Arrow:
    gradient = _short_text(sent[arrow.data["from"], arrow.data["input"]])
    text = f"{arrow.text}: {gradient}" if arrow.text else gradient
    return replace(arrow, text=text, text_kind="gradient", data=arrow.data | {"gradient": gradient})


def _has_sum(step: Step) -> bool:
    """Tell whether the step's node waits for several contributions to its only output."""
    return step.waits_for > 1 and len(step.ran_with) == 1 and step.accumulation is None


def _noted(box: Box, kept: dict[str, str], sums: dict[str, str]) -> Box:
    """Return a leaf's box with its ``.grad``, and that of another node with the sum that it ran with."""
    index = box.data["index"]
    if index in kept:
        note, hint, data = f".grad {kept[index]}", f"with .grad {kept[index]}", {"grad": kept[index]}
    elif index in sums:
        note = hint = f"runs with {sums[index]}"
        data = {"gradient": sums[index]}
    else:
        return box
    lines = [Line(part, "name") for part in wrap(note)]
    return replace(box, lines=(*box.lines, *lines), hint=f"{box.hint} {hint}", data=box.data | data)


def _kept_text(accumulation: Accumulation) -> str:
    """Return a leaf's ``.grad`` before and after, or after alone if there was none before."""
    after = _short_text(accumulation.after, "None")
    return after if accumulation.before is None else f"{_short_text(accumulation.before)} → {after}"


def _short_text(gradient: Gradient | None, none: str = "nothing") -> str:
    text = gradient_text(gradient, none, DIGITS)
    if gradient is None or gradient.values is None or cells(text) <= CELLS:
        return text
    return gradient_text(replace(gradient, values=None), none, DIGITS)
