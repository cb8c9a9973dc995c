"""What the lessons teach with: fit a line, walk the graph, draw the graph.

Read the three files in this order. Each has one idea.

- `regression`: fit a line with raw autograd.
- `traversal`: walk the autograd graph. It returns data and makes no text.
- `printing`: draw what the traversal found. It makes text and never sees a graph.

Two more are beside them: `checks` is what `fit_line` refuses, and `memory` is how a deep graph is freed.

Then come three wings: `graph` is the same for any graph, with names and shapes, `backward` is one
backward, told step by step, and `engine` makes a test, a page and a notebook of a lesson.

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
    from lessons_src.backward.hooks import record_backward
    from lessons_src.graph.autograd_graph import AutogradGraph, print_graph
    from lessons_src.graph.model import GraphNode
    from lessons_src.printing import pretty_print_graph
    from lessons_src.regression import DivergenceError, LineFit, fit_line
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
    "AutogradGraph": "graph.autograd_graph",
    "DivergenceError": "regression",
    "GraphNode": "graph.model",
    "LineFit": "regression",
    "fit_line": "regression",
    "pretty_print_graph": "printing",
    "print_graph": "graph.autograd_graph",
    "record_backward": "backward.hooks",
    "traverse_graph": "traversal",
}


def __getattr__(name: str) -> Any:
    # Imported on first use: the site's build imports this package and has no use for torch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
