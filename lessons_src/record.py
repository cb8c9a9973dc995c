"""What happened in one ``backward()``, as data: step by step, each node that ran."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from lessons_src.printing import MAX_LINES
from lessons_src.rendering.options import TextOptions
from lessons_src.rendering.steps import step_lines

if TYPE_CHECKING:
    from lessons_src.gradient import Gradient


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a node sent along one of its edges: a part of what another node waits for.

    `edge` is the edge's place in the sender's `edges`, `node` the receiver's in the graph's `nodes`.
    `output_nr` is the receiver's output that this is a gradient of. It is the receiver's
    contribution number `arrived` of `awaited`; when they are equal, the receiver is ready.
    `gradient` is ``None`` where the sender had none to send; the receiver waits for that too.
    """

    edge: int
    node: int
    output_nr: int
    gradient: Gradient | None
    arrived: int
    awaited: int


@dataclass(frozen=True, slots=True)
class Accumulation:
    """What ``AccumulateGrad`` did to a leaf's ``.grad``; ``None`` stands for no gradient.

    `after` is what was left when the leaf's own hooks, which see the sum, had run too.
    """

    before: Gradient | None
    added: Gradient | None
    after: Gradient | None


@dataclass(frozen=True, slots=True)
class Step:
    """One node that ran, with what came in and what it sent on.

    `node` is its place in the `nodes` of `AutogradGraph.from_output`, `name` that of its class.
    `labels`, `came` and `ran_with` have an entry for each of the node's outputs: its names, the
    sum of the contributions, and what hooks made of that (the same where there is none). A gradient
    is ``None`` where none came.

    `waits_for` is how many contributions the node waits for. They were complete after step
    `ready_after`, counted from 0; ``None`` for the loss's node, which waits for nothing.

    `sent` has what went along each edge that leads to a node. `accumulation` is for leaves only.
    """

    node: int
    name: str
    labels: list[str | None]
    came: list[Gradient | None]
    ran_with: list[Gradient | None]
    waits_for: int
    ready_after: int | None
    sent: list[Contribution]
    accumulation: Accumulation | None


@dataclass(frozen=True, slots=True, repr=False)
class BackwardRecord:
    """What happened in one ``backward()``: `steps` has the nodes that ran, in the order in which they did.

    It holds numbers, strings and lists, no tensors. ``str(record)`` is ``record.render()``.
    """

    steps: list[Step]

    def to_json(self) -> str:
        """Return the record as JSON: objects with the names of the fields, without ``NaN`` or ``Infinity``.

        Source: https://www.rfc-editor.org/rfc/rfc8259

        >>> import torch
        >>> from lessons_src import record_backward
        >>> w = torch.tensor(3.0, requires_grad=True)
        >>> step = json.loads(record_backward(w * w, {"w": w}).to_json())["steps"][-1]
        >>> step["name"], step["labels"], step["accumulation"]["after"]["values"]
        ('AccumulateGrad', ['w'], 6.0)
        """
        return json.dumps(self, default=_by_field, allow_nan=False)

    def render(self, *, max_lines: int | None = MAX_LINES, ascii_only: bool = False) -> str:
        """Return the record as text: for each step what the node ran with, and below it what it sent.

        ``(2 of 3)`` after a receiver counts the contributions that it has, of those that it waits
        for. A sum is written out where it is short. A gradient of more than 6 elements is its shape
        and its norm. Numbers have 5 digits. A node has its index in brackets where it would read
        as another one does.

        The last line counts what `max_lines` left out; ``None`` sets no limit. Raises `TypeError`
        or `ValueError`, naming the option.

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

    def __str__(self) -> str:
        return self.render()

    def __repr__(self) -> str:
        return f"<BackwardRecord of {len(self.steps):,} steps>"


def _by_field(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}
