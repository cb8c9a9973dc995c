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

    When `arrived` and `awaited` are equal, the receiver is ready.

    Attributes:
        edge: The edge's place in the sender's `edges`.
        node: The receiver's place in the graph's `nodes`.
        output_nr: The receiver's output that this is a gradient of.
        gradient: What was sent. It is ``None`` where the sender had none to send; the receiver
            waits for that too.
        arrived: Which of the receiver's contributions this is, counted from 1.
        awaited: How many contributions the receiver waits for.
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

    Attributes:
        before: What ``.grad`` was.
        added: What was added to it.
        after: What was left when the leaf's own hooks, which see the sum, had run too.
    """

    before: Gradient | None
    added: Gradient | None
    after: Gradient | None


@dataclass(frozen=True, slots=True)
class Step:
    """One node that ran, with what came in and what it sent on.

    A gradient is ``None`` where none came.

    Attributes:
        node: The node's place in the `nodes` of [`AutogradGraph.from_output`][].
        name: That of the node's class.
        labels: The names of each of the node's outputs.
        came: For each output, the sum of the contributions.
        ran_with: For each output, what hooks made of that; the same where there is none.
        waits_for: How many contributions the node waits for.
        ready_after: The step, counted from 0, after which they were complete. It is ``None`` for
            the loss's node, which waits for nothing.
        sent: What went along each edge that leads to a node.
        accumulation: What was added to ``.grad``; for leaves only.
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
    """What happened in one ``backward()``, as numbers, strings and lists: it holds no tensors.

    ``str(record)`` is ``record.render()``.

    Attributes:
        steps: The nodes that ran, in the order in which they did.
    """

    steps: list[Step]

    def to_json(self) -> str:
        """Return the record as JSON: objects with the names of the fields, without ``NaN`` or ``Infinity``.

        Source: <https://www.rfc-editor.org/rfc/rfc8259>

        Examples:
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

        Args:
            max_lines: How many lines there may be; the last one counts what was left out. ``None``
                sets no limit.
            ascii_only: Whether the text is without symbols that ASCII has not.

        Raises:
            TypeError: An option is of the wrong kind. The message names it.
            ValueError: `max_lines` is too small.

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

    def __str__(self) -> str:
        return self.render()

    def __repr__(self) -> str:
        return f"<BackwardRecord of {len(self.steps):,} steps>"


def _by_field(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}
