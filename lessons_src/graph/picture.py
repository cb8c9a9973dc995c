"""What is to be drawn of an `AutogradGraph`: boxes with lines of text, and arrows between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from lessons_src.graph.options import TextOptions
from lessons_src.graph.tree import NO_GRAPH, shape_text
from lessons_src.graph.words import description, plural, printable, title, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lessons_src.graph.model import GraphData, GraphNode

Kind: TypeAlias = Literal["leaf", "operation", "none", "cut"]
Data: TypeAlias = dict[str, str]


class Line(NamedTuple):
    """A line of text in a box: a tensor's names, the node's own name, or a detail such as a shape."""

    text: str
    kind: Literal["label", "name", "detail"]


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or a place where the graph does not go on.

    `data` is what a page's script may want to know, and `hint` says the same in words.
    """

    id: str
    kind: Kind
    is_root: bool
    lines: tuple[Line, ...]
    hint: str
    data: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge from the box `tail` to the box `head`, which made its input, with a line of text or none.

    A main one leads on to an operation: these are drawn straight, and what else there is beside them.
    """

    id: str
    tail: str
    head: str
    text: str = ""
    is_main: bool = False
    is_dashed: bool = False
    data: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing without its layout. `title` and `description` say in words what one sees."""

    title: str
    description: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def make_picture(graph: GraphData, *, shapes: bool = False, show_none: bool = False) -> Picture:
    """Return what is to be drawn of `graph`: a box for each node, an arrow for each edge.

    With `shapes`, each output's shape is there, with `show_none` a box for each input that needs
    no gradient. Inputs that `max_nodes` kept from being followed are one box, which counts them.

    >>> import torch
    >>> from lessons_src import AutogradGraph
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> picture = make_picture(AutogradGraph.from_output(w * w, {"w": w}))
    >>> picture.title
    'Autograd graph of MulBackward0'
    >>> [(box.id, box.kind) for box in picture.boxes], [arrow.id for arrow in picture.arrows]
    ([('node-0', 'operation'), ('node-1', 'leaf')], ['edge-0-1', 'edge-0-1-2'])
    """
    TextOptions(shapes=shapes, show_none=show_none)  # which says what is wrong with them
    roots: dict[GraphNode | None, list[int]] = {}
    for root, output_nr in graph.outputs:
        roots.setdefault(root, []).append(output_nr)
    boxes = [_note("no-graph", "none", NO_GRAPH)] if None in roots else []
    arrows: list[Arrow] = []
    for node in graph.nodes:
        boxes.append(_box(node, sorted(set(roots.get(node, []))), shapes=shapes))
        for arrow, end in _arrows(node, shapes=shapes, show_none=show_none):
            arrows.append(arrow)
            if end is not None:
                boxes.append(end)
    return Picture(title(graph), description(graph), tuple(boxes), tuple(arrows))


def _box(node: GraphNode, root_of: list[int], *, shapes: bool) -> Box:
    name = printable(node.name)
    lines = [
        line for output_nr in range(len(node.shapes)) for line in _output_lines(node, output_nr, root_of)
    ]
    lines += [Line(part, "detail" if lines else "name") for part in wrap(name)]
    if shapes and len(node.shapes) == 1:
        lines.append(Line(shape_text(node.shapes[0]), "detail"))
    data = {"index": str(node.index), "name": name, "shape": " ".join(map(shape_text, node.shapes))}
    hint = name
    if node.label is not None:
        data["label"] = label = printable(node.label)
        hint += f": {label}"
    if root_of:
        data["root"] = " ".join(map(str, root_of))
    kind: Kind = "operation" if node.variable is None else "leaf"
    return Box(f"node-{node.index}", kind, bool(root_of), tuple(lines), f"{hint} {data['shape']}", data)


def _output_lines(node: GraphNode, output_nr: int, root_of: list[int]) -> list[Line]:
    """Return lines for an output that has names, and for one that is drawn as a root."""
    names = printable(", ".join(node.labels.get(output_nr, ())))
    if len(node.shapes) > 1 and (names or output_nr in root_of):
        names = f"output {output_nr}: {names}" if names else f"output {output_nr}"
    return [Line(part, "label") for part in wrap(names)] if names else []


def _arrows(node: GraphNode, *, shapes: bool, show_none: bool) -> Iterator[tuple[Arrow, Box | None]]:
    """Yield an arrow for each edge, and with it the box at its end if that is no node."""
    tail, copies = f"node-{node.index}", Counter[int]()
    for number, (child, output_nr) in enumerate(node.edges):
        data = {"from": str(node.index), "input": str(number)}
        if child is not None:
            copies[child.index] += 1
            copy = f"-{copies[child.index]}" if copies[child.index] > 1 else ""
            text = f"output {output_nr}" if len(child.shapes) > 1 else ""
            if text and shapes:
                text += f" {shape_text(child.shapes[output_nr])}"
            data |= {"to": str(child.index), "output": str(output_nr)}
            edge = f"edge-{node.index}-{child.index}{copy}"
            is_main = child.variable is None
            yield Arrow(edge, tail, f"node-{child.index}", text, is_main, data=data), None
        elif show_none:
            yield _stub(node, _note(f"none-{node.index}-{number}", "none", "None"), data)
    if node.cut:
        note = _note(f"cut-{node.index}", "cut", f"{plural(node.cut, 'input')} not followed", "… ")
        yield _stub(node, note, {"from": str(node.index)})


def _stub(node: GraphNode, end: Box, data: Data) -> tuple[Arrow, Box]:
    return Arrow(f"edge-{node.index}-{end.id}", f"node-{node.index}", end.id, is_dashed=True, data=data), end


def _note(name: str, kind: Kind, text: str, mark: str = "") -> Box:
    return Box(name, kind, False, tuple(Line(part, "detail") for part in wrap(mark + text)), text)
