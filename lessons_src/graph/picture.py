"""Make the picture of an `AutogradGraph`: boxes with lines of text, and arrows between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from lessons_src.graph.drawing_text import description, title, wrap
from lessons_src.graph.options import check_flags
from lessons_src.graph.tree import shape_text
from lessons_src.printing import NO_GRAPH, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lessons_src.graph.model import GraphData, GraphNode

Kind: TypeAlias = Literal["leaf", "operation", "none", "cut"]
Data: TypeAlias = dict[str, str]


class Line(NamedTuple):
    """A line of text in a box: a tensor's names, the node's own name, or a detail such as a shape."""

    text: str
    kind: Literal["label", "name", "detail"]


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or a note where there is no node.

    `hint` describes it to a reader, `data` to a page's script.
    """

    id: str
    kind: Kind
    is_root: bool
    lines: tuple[Line, ...]
    hint: str
    data: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge: from the box `tail` to the box `head`, whose output is an input of `tail`.

    `text_kind` says what its text is: an output's index, or the gradient that was sent along it. Main
    arrows lead from operation to operation, and are drawn straighter than the others.
    """

    id: str
    tail: str
    head: str
    text: str = ""
    text_kind: Literal["output", "gradient"] = "output"
    is_main: bool = False
    is_dashed: bool = False
    data: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing before it is laid out. `title` and `description` are for readers who cannot see it."""

    title: str
    description: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def make_picture(graph: GraphData, *, shapes: bool = False, show_none: bool = False) -> Picture:
    """Return the picture of `graph`: a box for each node, an arrow for each edge.

    `shapes` adds the shape of each output, and `show_none` adds a box for each input that requires
    no gradient. A box counts the inputs of a node that were not followed because of `max_nodes`.

    >>> import torch
    >>> from lessons_src import AutogradGraph
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> picture = make_picture(AutogradGraph.from_output(w * w, {"w": w}))
    >>> picture.title
    'Autograd graph of MulBackward0'
    >>> [(box.id, box.kind) for box in picture.boxes], [arrow.id for arrow in picture.arrows]
    ([('node-0', 'operation'), ('node-1', 'leaf')], ['edge-0-1', 'edge-0-1-2'])
    """
    check_flags(shapes=shapes, show_none=show_none)
    roots: dict[GraphNode | None, set[int]] = {}
    for root, output_nr in graph.outputs:
        roots.setdefault(root, set()).add(output_nr)
    names = ", ".join(filter(None, graph.detached))
    parts: list[Box | Arrow] = (
        [_note("no-graph", "none", f"{names} {NO_GRAPH}".lstrip())] if None in roots else []
    )
    for node in graph.nodes:
        parts.append(_box(node, sorted(roots.get(node, ())), shapes=shapes))
        parts += _edges(node, shapes=shapes, show_none=show_none)
    boxes = tuple([part for part in parts if isinstance(part, Box)])
    arrows = tuple([part for part in parts if isinstance(part, Arrow)])
    return Picture(title(graph), description(graph), boxes, arrows)


def _box(node: GraphNode, root_of: Sequence[int], *, shapes: bool) -> Box:
    name, shape = node.name, " ".join(map(shape_text, node.shapes))
    outputs = [_output_text(node, output_nr, root_of) for output_nr in range(len(node.shapes))]
    lines = [Line(part, "label") for text in outputs if text for part in wrap(text)]
    lines += [Line(part, "detail" if lines else "name") for part in wrap(name)]
    is_unnamed_leaf = node.variable is not None and not node.labels
    if (shapes or is_unnamed_leaf) and len(node.shapes) == 1:
        lines.append(Line(shape, "detail"))
    hint, data = name, {"index": str(node.index), "name": name, "shape": shape}
    if node.label is not None:
        data["label"] = label = node.label
        hint += f": {label}"
    if root_of:
        data["root"] = " ".join(map(str, root_of))
    kind: Kind = "operation" if node.variable is None else "leaf"
    return Box(f"node-{node.index}", kind, bool(root_of), tuple(lines), f"{hint} {shape}", data)


def _output_text(node: GraphNode, output_nr: int, root_of: Sequence[int]) -> str:
    """Return the names of an output, with its index if the node has several and it is named or a root."""
    names = ", ".join(node.labels.get(output_nr, ()))
    if len(node.shapes) == 1 or not (names or output_nr in root_of):
        return names
    return f"output {output_nr}: {names}" if names else f"output {output_nr}"


def _edges(node: GraphNode, *, shapes: bool, show_none: bool) -> Iterator[Box | Arrow]:
    """Yield an arrow for each edge; if it leads to no node, yield a box before it."""
    copies = Counter[int]()
    for number, (child, output_nr) in enumerate(node.edges):
        data = {"from": str(node.index), "input": str(number)}
        if child is not None:
            copies[child.index] += 1
            edge = f"edge-{node.index}-{child.index}"
            if copies[child.index] > 1:
                edge += f"-{copies[child.index]}"
            text = f"output {output_nr}" if len(child.shapes) > 1 else ""
            if text and shapes:
                text += f" {shape_text(child.shapes[output_nr])}"
            data |= {"to": str(child.index), "output": str(output_nr)}
            is_main = child.variable is None
            yield Arrow(edge, f"node-{node.index}", f"node-{child.index}", text, is_main=is_main, data=data)
        elif show_none:
            yield from _stub(node, _note(f"none-{node.index}-{number}", "none", "None"), data)
    if node.cut:
        note = _note(f"cut-{node.index}", "cut", f"{plural(node.cut, 'input')} not followed", "… ")
        yield from _stub(node, note, {"from": str(node.index)})


def _stub(node: GraphNode, note: Box, data: Data) -> Iterator[Box | Arrow]:
    yield note
    yield Arrow(f"edge-{node.index}-{note.id}", f"node-{node.index}", note.id, is_dashed=True, data=data)


def _note(name: str, kind: Kind, text: str, mark: str = "") -> Box:
    return Box(name, kind, False, tuple([Line(part, "detail") for part in wrap(mark + text)]), text)
