"""What the lessons teach with: fit a line, traverse the graph, print the graph.

Read the files in this order. Each has one idea.

- `regression`: fit a line with raw autograd. `checks` refuses wrong arguments.
- `traversal`: traverse the autograd graph. It returns data and makes no text.
- `printing`: print what `traversal` returned. It makes text and never sees a graph.
- `memory`: free a deep graph without a crash. `palette` has the site's colours.

Then come four wings. `graph` reads, prints and draws any graph, with names and shapes. `backward`
records one backward, step by step. `exercises` checks what learners answer. `engine` makes a test, a page and
a notebook of a lesson.

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
    # Import on first use: the site's build imports this package and does not need torch.
    if name == "__version__":
        from importlib.metadata import version

        return version("how-pytorch-learns")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__, "__version__"]
