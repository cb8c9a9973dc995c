"""The text of a drawing: its title and description, and lines that fit into a box."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from lessons_src.printing import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lessons_src.graph.model import Edge, GraphData

CELLS = 16  # the width of a line: two boxes of this width fit side by side on a phone
MAX_LISTED = 12  # names

# Positions where a word may be broken, as in `layers.0.weight`, `my_weight`, `LogSoftmaxBackward0`.
_PARTS = re.compile(r"(?<=[._])(?![._])|(?<=[a-z0-9])(?=[A-Z])")


def title(graph: GraphData) -> str:
    """Return the title of a drawing of `graph`, which names the outputs.

    >>> import torch
    >>> from lessons_src import AutogradGraph
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> loss = w * w
    >>> title(AutogradGraph.from_output(loss, {"loss": loss}))
    'Autograd graph of loss'
    """
    names = outputs_text(graph)
    return f"Autograd graph of {names}" if names else "An autograd graph without nodes"


def outputs_text(graph: GraphData) -> str:
    """Return the names of the outputs that have a node, or nothing if none has one.

    >>> from lessons_src import AutogradGraph
    >>> outputs_text(AutogradGraph([], ((None, 0),)))
    ''
    """
    names = _output_names([edge for edge in graph.outputs if edge[0] is not None])
    return listed(names) if names else ""


def description(graph: GraphData) -> str:
    """Return a summary of a drawing of `graph`: its size, its outputs and its leaves.

    >>> import torch
    >>> from lessons_src import AutogradGraph
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> description(AutogradGraph.from_output(w * w, {"w": w}))
    '1 operation and 1 leaf, joined by 2 arrows, each from an operation to the node of an input. \
At the top: MulBackward0. The leaf: w.'
    """
    if not graph.nodes:
        return "No operation was recorded."
    leaves = graph.leaves
    operations = plural(len(graph.nodes) - len(leaves), "operation")
    arrows = plural(sum([child is not None for node in graph.nodes for child, _ in node.edges]), "arrow")
    parts = [
        f"{operations} and {plural(len(leaves), 'leaf', 'leaves')}, joined by {arrows},",
        "each from an operation to the node of an input.",
        f"At the top: {listed(_output_names(graph.outputs))}.",
    ]
    if leaves:
        names = [node.label for node in leaves if node.label is not None]
        unnamed = [f"{len(leaves) - len(names):,} without a name"] if len(names) < len(leaves) else []
        parts.append(f"The {'leaf' if len(leaves) == 1 else 'leaves'}: {listed(names, *unnamed)}.")
    if graph.cut:
        parts.append(f"{cut_text(graph)}.")
    return " ".join(parts)


def cut_text(graph: GraphData) -> str:
    """Return how many inputs were not followed, or nothing if all were.

    >>> import torch
    >>> from lessons_src import AutogradGraph
    >>> cut_text(AutogradGraph.from_output(torch.ones(1, requires_grad=True).exp(), max_nodes=1))
    '1 input not followed, at max_nodes=1'
    """
    return f"{plural(graph.cut, 'input')} not followed, at max_nodes={graph.max_nodes:,}" if graph.cut else ""


def wrap(text: str) -> list[str]:
    """Break text into lines of at most `CELLS` cells, between words and between the parts of a name.

    >>> wrap("encoder.layers.0.self_attn.weight")
    ['encoder.layers.', '0.self_attn.', 'weight']
    >>> wrap("NativeBatchNormBackward0")
    ['NativeBatchNorm', 'Backward0']
    """
    lines: list[str] = []
    for word in text.split(" "):
        if lines and _fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
        else:
            lines += _broken(word)
    return lines


def _broken(word: str) -> list[str]:
    lines = [""]
    for part in _PARTS.split(word):
        for piece in [part] if _fits(part) else part:
            if not _fits(lines[-1] + piece):
                lines.append("")
            lines[-1] += piece
    return lines


def _fits(text: str) -> bool:
    return cells(text) <= CELLS


def cells(text: str) -> int:
    """Return the width of text in a monospaced font, in which some characters are two cells wide.

    >>> cells("loss"), cells("損失")
    (4, 4)
    """
    return sum([2 if east_asian_width(each) in "FW" else 1 for each in text])


def _output_names(outputs: Iterable[Edge]) -> list[str]:
    """Return each output's name, or its node's if it has none, without duplicates."""
    names = [
        "an output without a graph" if node is None else ", ".join(node.labels.get(output_nr, (node.name,)))
        for node, output_nr in outputs
    ]
    return list(dict.fromkeys(names))


def listed(names: Sequence[str], *rest: str) -> str:
    """Join the first names, a count of the others, and `rest`, with commas."""
    more = [f"{len(names) - MAX_LISTED:,} more"] if len(names) > MAX_LISTED else []
    *most, last = [*names[:MAX_LISTED], *more, *rest]
    return f"{', '.join(most)} and {last}" if most else last
