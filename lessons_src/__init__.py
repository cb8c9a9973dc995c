"""What the lessons teach with: fit a line, walk the graph, draw the graph.

Read the three files in this order. Each has one idea.

- `regression`: fit a line with raw autograd.
- `traversal`: walk the autograd graph. It returns data and makes no text.
- `printing`: draw what the traversal found. It makes text and never sees a graph.

Then the same idea for graphs of any size, with names and shapes: `naming`, `reading`, `node`,
`graph` and `rendering`.

>>> import torch
>>> from lessons_src import pretty_print_graph, traverse_graph
>>> w = torch.tensor(3.0, requires_grad=True)
>>> pretty_print_graph(traverse_graph((w * w).grad_fn))
└── MulBackward0
    ├── AccumulateGrad
    └── AccumulateGrad
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lessons_src.graph import AutogradGraph
    from lessons_src.node import GraphNode
    from lessons_src.printing import pretty_print_graph
    from lessons_src.recording import record_backward
    from lessons_src.regression import DivergenceError, LineFit, fit_line
    from lessons_src.rendering.printer import print_graph
    from lessons_src.traversal import traverse_graph

__all__ = [
    "AutogradGraph",
    "DivergenceError",
    "GraphNode",
    "LineFit",
    "fit_line",
    "pretty_print_graph",
    "print_graph",
    "record_backward",
    "traverse_graph",
]

_HOMES = {
    "AutogradGraph": "graph",
    "DivergenceError": "regression",
    "GraphNode": "node",
    "LineFit": "regression",
    "fit_line": "regression",
    "pretty_print_graph": "printing",
    "print_graph": "rendering.printer",
    "record_backward": "recording",
    "traverse_graph": "traversal",
}


def __getattr__(name: str) -> Any:
    # Imported on first use: the site's build imports this package and has no use for torch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
