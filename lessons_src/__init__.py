"""What the lessons teach with: fit a line, walk the graph, draw the graph.

Read the three files in this order. Each has one idea.

- `regression`: fit a line with raw autograd.
- `traversal`: walk the autograd graph. It returns data and makes no text.
- `printing`: draw what the traversal found. It makes text and never sees a graph.

>>> import torch
>>> from lessons_src import pretty_print_graph, traverse_graph
>>> w = torch.tensor(3.0, requires_grad=True)
>>> pretty_print_graph(traverse_graph((w * w).grad_fn))
└── MulBackward0
    ├── AccumulateGrad
    └── AccumulateGrad
"""

from lessons_src.printing import pretty_print_graph
from lessons_src.regression import DivergenceError, LineFit, fit_line
from lessons_src.traversal import traverse_graph

__all__ = ["DivergenceError", "LineFit", "fit_line", "pretty_print_graph", "traverse_graph"]
