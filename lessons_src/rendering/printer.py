"""Print the autograd graph of any output, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessons_src.graph import MAX_NODES, AutogradGraph
from lessons_src.printing import MAX_LINES
from lessons_src.rendering.lines import is_shown_by_stdout, print_lines

if TYPE_CHECKING:
    from lessons_src.naming import Names
    from lessons_src.outputs import Output


def print_graph(
    output: Output,
    names: Names = None,
    *,
    shapes: bool = False,
    show_none: bool = False,
    max_depth: int | None = None,
    max_lines: int | None = MAX_LINES,
    flat: bool = False,
    max_nodes: int = MAX_NODES,
) -> None:
    """Print the autograd graph of `output` as a tree, with the names that `names` gives.

    [`AutogradGraph.render`][] says how to read the text. Where standard output has no box
    characters, the tree is drawn in ASCII.

    Source: <https://github.com/pytorch/pytorch/issues/34953>

    Args:
        output: What the graph leads down from: a tensor, a ``grad_fn``, a ``GradientEdge``, or a
            sequence of them.
        names: What tensors are called: a mapping of names to tensors, for which ``locals()`` does,
            or a module.
        shapes: Whether each line has the output's shape.
        show_none: Whether inputs without a gradient are shown.
        max_depth: How many levels are drawn. ``None`` sets no limit.
        max_lines: How many lines are printed; the last one says how many were left out. ``None``
            sets no limit.
        flat: Whether there is no tree, but a line for each node.
        max_nodes: How many nodes are read, those nearest to the output.

    Raises:
        TypeError: An argument is of the wrong kind. The message names it, and nothing is printed.
        ValueError: An argument is out of range. The message names it, and nothing is printed.

    Examples:
        >>> import torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> h = w.exp()
        >>> loss = (h * w + h).sum()
        >>> print_graph(loss, names={"w": w, "h": h, "loss": loss}, shapes=True)
        └── SumBackward0: loss ()
            └── AddBackward0 (2,)
                ├── MulBackward0 (2,)
                │   ├── ExpBackward0 [3]: h (2,)
                │   │   └── AccumulateGrad: w (2,)
                │   └── AccumulateGrad: w (2,)
                └── → [3]: h (2,)
    """
    graph = AutogradGraph.from_output(output, names, max_nodes)
    print_lines(
        graph.iter_lines(
            shapes=shapes,
            show_none=show_none,
            max_depth=max_depth,
            max_lines=max_lines,
            flat=flat,
            ascii_only=not is_shown_by_stdout(),
        )
    )
