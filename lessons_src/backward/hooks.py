"""Run ``backward()`` on the real graph with PyTorch's engine, and record each step."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch

from lessons_src.backward.drawing import backward_picture
from lessons_src.backward.record import Accumulation, Contribution, Gradient, Step
from lessons_src.backward.steps import step_lines
from lessons_src.graph.build import read
from lessons_src.graph.layout import check_boxes, obstacle
from lessons_src.graph.options import TextOptions
from lessons_src.graph.svg import svg_text
from lessons_src.printing import MAX_LINES, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lessons_src.graph.build import Reading
    from lessons_src.graph.model import GraphNode
    from lessons_src.graph.names import Names

MAX_NODES = 100_000
"""How many nodes the graph of a loss may have by default."""

_ROOT = 0  # the index of the loss's node, because each node comes before its inputs


def record_backward(
    loss: Tensor,
    names: Names = None,
    *,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
    max_nodes: int = MAX_NODES,
) -> BackwardRecord:
    """Run ``loss.backward(gradient, retain_graph, create_graph, inputs)`` once and return its record.

    A step is a node that ran: what it received, when that was complete, what it sent along each
    edge, and for a leaf what was added to its ``.grad``. The record is plain data, which prints as
    text and converts to JSON. Each ``.grad`` becomes what ``backward()`` alone would make it.
    A node's gradients are recorded as they came and as it ran with them, which shows what a hook
    of a tensor changed in between. What the node sent is recorded after all hooks of the node.

    A backward that runs inside this one, such as that of a reentrant checkpoint, is not recorded,
    nor is what it adds to a ``.grad``; only a hook of `loss` itself must not start one through `loss`. The
    recording always removes its own hooks, and no others.

    An exception of the backward, such as PyTorch's own for a freed graph, gets a note that says which
    node raised it, if it was one, and an attribute ``record`` with the steps until then.

    Source: <https://docs.pytorch.org/docs/stable/generated/torch.autograd.graph.Node.register_prehook.html>

    Args:
        loss: The tensor to start from. It must have one element, unless `gradient` is given.
        names: The names of tensors, as in [`AutogradGraph.from_output`][].
        gradient: The gradient of the loss, in its shape, as in ``loss.backward(gradient)``.
        retain_graph: Whether to keep what the graph has saved for another backward, as in ``backward()``.
        create_graph: Whether the gradients get a graph too, as in ``backward()``.
        inputs: The tensors whose ``.grad`` is added to, as in ``backward()``; by default, all leaves. The
            record has that of leaves alone.
        max_nodes: How many nodes the graph may have at most.

    Raises:
        TypeError: An argument has the wrong type. The message names it, and nothing is run.
        ValueError: The loss has no graph, several elements, or more than `max_nodes` nodes, or is inside
            ``torch.vmap`` or ``torch.func.grad``. The message says which, and nothing is run.

    Examples:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> z = y + y + x
        >>> print(record_backward(z, names=locals()))
        1. AddBackward0: z runs with 1
             sends 1 to AddBackward0
             sends 1 to x (1 of 3)
        2. AddBackward0 runs with 1
             sends 1 to MulBackward0: y (1 of 2)
             sends 1 to MulBackward0: y (2 of 2)
        3. MulBackward0: y runs with 1 + 1 = 2
             sends 6 to x (2 of 3)
             sends 6 to x (3 of 3)
        4. AccumulateGrad: x runs with 1 + 6 + 6 = 13
             adds 13 to x.grad, which was None
    """
    _check_loss(loss, gradient)
    reading = read(loss, names, max_nodes)
    if any(node.cut for node in reading.nodes):
        raise ValueError(
            f"loss must have a graph of at most max_nodes={max_nodes:,} nodes, not more. Nothing was run: "
            "record a smaller graph, or increase max_nodes."
        )
    start = torch.ones_like(loss) if gradient is None else gradient
    if start.is_complex() == loss.is_complex():  # or backward raises
        start = start.to(loss.dtype)  # as backward converts it
    recorder = _Recorder(reading, start)
    with ExitStack() as hooks:
        for grad_fn, node in reading.made.items():
            hooks.callback(grad_fn.register_prehook(partial(recorder.node_starts, node.index)).remove)
            hooks.callback(grad_fn.register_hook(partial(recorder.node_ends, node.index)).remove)
        try:
            loss.backward(gradient, retain_graph, create_graph, inputs)  # type: ignore[no-untyped-call]
        except Exception as error:
            error.record = BackwardRecord(recorder.steps)  # type: ignore[attr-defined]
            error.add_note(recorder.where())
            raise
    return BackwardRecord(recorder.steps)


@dataclass(frozen=True, slots=True, repr=False)
class BackwardRecord:
    """The steps of one ``backward()``, as numbers, strings and lists, which keep no tensor alive.

    ``str(record)`` is ``record.render()``. A notebook shows the record as a drawing of the graph, with
    the gradients on its arrows; if that is not possible, as text with the reason.

    Attributes:
        steps: The nodes that ran, in the order in which they ran.
    """

    steps: list[Step]

    def to_json(self) -> str:
        """Return the record as JSON: an object for each dataclass, and no ``NaN`` or ``Infinity``.

        Source: <https://www.rfc-editor.org/rfc/rfc8259>

        Examples:
            >>> import json
            >>> import torch
            >>> from lessons_src import record_backward
            >>> w = torch.tensor(3.0, requires_grad=True)
            >>> squared = record_backward(w * w, {"w": w})
            >>> step = json.loads(squared.to_json())["steps"][-1]
            >>> step["name"], step["labels"], step["accumulation"]["after"]["values"]
            ('AccumulateGrad', ['w'], 6.0)
        """
        return json.dumps(asdict(self), allow_nan=False)

    def render(self, *, max_lines: int | None = MAX_LINES, ascii_only: bool | None = None) -> str:
        """Return the record as text: for each step what the node ran with, and below it what it sent.

        ``(2 of 3)`` after a receiver says that it now has 2 of the 3 contributions that it waits for.
        A short sum is written out. A gradient of more than 6 elements is shown by its shape and
        norm. Numbers have 5 digits. Nodes with the same name and labels have their
        index in brackets.

        Args:
            max_lines: How many lines are shown; one more line counts the others. ``None`` sets no
                limit.
            ascii_only: Whether to use only ASCII characters, as in [`TextOptions`][].

        Raises:
            TypeError: An option has the wrong type. The message names it.
            ValueError: `max_lines` is less than 1.

        Examples:
            >>> import torch
            >>> from lessons_src import record_backward
            >>> w = torch.tensor(3.0, requires_grad=True)
            >>> print(record_backward(w * w, {"w": w}).render())
            1. MulBackward0 runs with 1
                 sends 3 to w (1 of 2)
                 sends 3 to w (2 of 2)
            2. AccumulateGrad: w runs with 3 + 3 = 6
                 adds 6 to w.grad, which was None
        """
        return "\n".join(step_lines(self.steps, TextOptions(max_lines=max_lines, ascii_only=ascii_only)))

    def to_svg(self, *, id_prefix: str = "") -> str:
        """Return the graph that ran as an SVG drawing, with the gradients that were sent on its arrows.

        It looks like [`AutogradGraph.to_svg`][], and has the same ids and data. Beside an arrow is the
        gradient that was sent along it, with 4 digits; one whose numbers need more than 16 characters is
        shown by its shape and norm. A leaf's box has its ``.grad``: before and after, or after
        alone if there was none before. The box of an operation with one output that waited for several
        gradients has what it ran with. A node that did not run has a box that says so.

        For scripts, an arrow has its gradient as ``data-gradient``, and so has a box what it ran with; a
        leaf has its ``.grad`` as ``data-grad``.

        Args:
            id_prefix: The start of each id; a hyphen follows it.

        Raises:
            ImportError: pygraphviz is missing.
            TypeError: `id_prefix` has the wrong type.
            ValueError: The record has no step, or the graph takes more than a few seconds to lay out or is
                more than 10,000 pixels wide, or `id_prefix` cannot begin an id.

        Examples:
            >>> import torch
            >>> from lessons_src import record_backward
            >>> w = torch.tensor(3.0, requires_grad=True)
            >>> svg = record_backward(w * w, {"w": w}).to_svg()
            >>> [part.partition('"')[0] for part in svg.split('data-gradient="')[1:]]
            ['3', '3']
        """
        if not self.steps:
            raise ValueError("record must have a step to be drawn, and backward raised in its first.")
        check_boxes(len(self.steps))
        return svg_text(backward_picture(self.steps), id_prefix)

    def _repr_svg_(self) -> str | None:
        """Return the drawing for a notebook, or ``None`` if it cannot be drawn."""
        return None if self._why_not_drawn() else self.to_svg()

    def _repr_pretty_(self, printer: Any, cycle: object) -> None:
        """Show a notebook the steps, and why they are no drawing, if they cannot be drawn."""
        reason = self._why_not_drawn()
        printer.text(f"{self}\n{reason}".strip() if reason else repr(self))

    def _why_not_drawn(self) -> str:
        if not self.steps:
            return repr(self)
        return obstacle(len(self.steps), partial(backward_picture, self.steps))

    def __str__(self) -> str:
        return self.render()

    def __repr__(self) -> str:
        return f"<BackwardRecord of {plural(len(self.steps), 'step')}>"


_Gradients: TypeAlias = "list[Gradient | None]"


class _Arrival(NamedTuple):
    total: Tensor
    # Of the total, before a hook can change it in place
    gradient: Gradient
    version: int


class _Recorder:
    """The state of a recording. Each node calls `node_starts` and `node_ends`.

    `waiting` has the sum of what has arrived, by the receiver's index and its output's index.
    """

    def __init__(self, reading: Reading, start: Tensor) -> None:
        self.nodes = reading.nodes
        self.steps: list[Step] = []
        self.task: int | None = None  # the engine's id of the recorded backward
        self.waiting = {(_ROOT, reading.outputs[0][1]): _arrival(start)}
        self.arrived = Counter[int]()
        self.ready_after: dict[int, int] = {}
        self.running: dict[int, tuple[_Gradients, _Gradients, list[bool], Gradient | None]] = {}

    @torch.no_grad()  # with create_graph, hooks would record
    def node_starts(self, index: int, grads: tuple[Tensor | None, ...]) -> None:
        if self.task is None and index == _ROOT:
            self.task = torch._C._current_graph_task_id()
        if self.is_within_another():
            return
        arrivals = [self.waiting.pop((index, output_nr), None) for output_nr in range(len(grads))]
        came = [arrival and arrival.gradient for arrival in arrivals]
        ran_with = [_summary(grad) for grad in grads]
        changed = [*map(_is_changed, arrivals, grads, ran_with)]
        self.running[index] = came, ran_with, changed, _grad_of(self.nodes[index])

    @torch.no_grad()
    def node_ends(self, index: int, sent: tuple[Tensor | None, ...], _: object) -> None:
        if self.is_within_another():
            return
        node, (came, ran_with, changed, before) = self.nodes[index], self.running.pop(index)
        contributions = [
            self.deliver(edge, child, output_nr, grad)
            for edge, ((child, output_nr), grad) in enumerate(zip(node.edges, sent, strict=True))
            if child is not None
        ]
        accumulation = None
        if node.variable is not None:  # it may have been frozen after the forward
            added = ran_with[0] if node.variable.requires_grad else None
            accumulation = Accumulation(before, added, _grad_of(node))
        self.steps.append(
            Step(
                node=index,
                name=node.name,
                labels=[", ".join(node.labels.get(output_nr, ())) or None for output_nr in range(len(came))],
                came=came,
                ran_with=ran_with,
                changed=changed,
                waits_for=node.uses,
                ready_after=self.ready_after.get(index),
                sent=contributions,
                accumulation=accumulation,
            )
        )

    def deliver(self, edge: int, child: GraphNode, output_nr: int, grad: Tensor | None) -> Contribution:
        index, gradient = child.index, _summary(grad)
        if grad is not None and gradient is not None:
            arrival = self.waiting.get((index, output_nr))
            self.waiting[index, output_nr] = _add(arrival, grad) if arrival else _arrival(grad, gradient)
        self.arrived[index] += 1
        self.ready_after[index] = len(self.steps)
        return Contribution(edge, index, output_nr, gradient, self.arrived[index], child.uses)

    def where(self) -> str:
        """Return which node runs, after how many steps."""
        node = self.nodes[next(reversed(self.running))] if self.running else None
        label = f": {node.label}" if node and node.label else ""
        what = f"{node.name}{label} [{node.index}]" if node else "A hook or a check"
        steps = plural(len(self.steps), "step")
        return f"{what} raised this after {steps}, which the attribute `record` has."

    def is_within_another(self) -> bool:
        """Tell whether the engine runs another backward than the recorded one."""
        return torch._C._current_graph_task_id() != self.task


def _arrival(total: Tensor, gradient: Gradient | None = None) -> _Arrival:
    return _Arrival(total, gradient or Gradient.of(total), total._version)


def _add(arrival: _Arrival, grad: Tensor) -> _Arrival:
    """Add `grad`, in the order that PyTorch allows: dense plus sparse, not sparse plus dense."""
    total = arrival.total
    return _arrival(total + grad if total.layout == torch.strided else grad + total)


def _is_changed(arrival: _Arrival | None, grad: Tensor | None, gradient: Gradient | None) -> bool:
    """Tell whether a hook has made `grad` of what arrived, also one with the same norm."""
    if arrival is None or grad is None or gradient is None:
        return arrival is not None or grad is not None
    if gradient != arrival.gradient:
        return True
    total = arrival.total
    if total._version != arrival.version:
        return True
    can_be_compared = gradient.norm is not None and grad.layout == total.layout == torch.strided
    return can_be_compared and not torch.allclose(grad, total, rtol=0, atol=0, equal_nan=True)


def _summary(tensor: Tensor | None) -> Gradient | None:
    return None if tensor is None else Gradient.of(tensor)


def _grad_of(node: GraphNode) -> Gradient | None:
    return None if node.variable is None else _summary(node.variable.grad)


def _check_loss(loss: object, gradient: object) -> None:
    if not isinstance(loss, torch.Tensor):
        raise TypeError(f"loss must be a tensor, not {type(loss).__name__}.")
    if gradient is not None and not isinstance(gradient, torch.Tensor):
        raise TypeError(f"gradient must be a tensor or None, not {type(gradient).__name__}.")
    if torch._C._functorch.is_functorch_wrapped_tensor(loss):
        raise ValueError(
            "loss must be a tensor outside of torch.vmap and torch.func.grad, where no backward can run, not "
            "one inside of them. Record what they return."
        )
    if not loss.requires_grad:
        raise ValueError(
            "loss must be a tensor with a graph, not one that requires no gradient. Compute it from tensors "
            "with requires_grad=True, outside torch.no_grad() and without detach()."
        )
    if gradient is None and loss.numel() != 1:
        raise ValueError(
            f"loss must be a tensor of one element, not one of shape {tuple(loss.shape)}. "
            "Take its mean or sum, or pass gradient=, a tensor of that shape."
        )
