"""The autograd graph of any output, with names and shapes: as data, as text and as a drawing.

Read the files in this order. Each has one idea.

- `model`: the graph as data. `names` says what tensors are called, and `build` reads a graph.
- `options`: what text can be asked for. `tree` has a line for each edge, `table` one for each node,
  `text` either of them up to a limit.
- `picture`: what a drawing shows (`words`). `dot` writes it in the DOT language; `layout` has
  Graphviz place its parts (`style`), and `svg` draws them.
- `autograd_graph`: `AutogradGraph` and `print_graph`, which bring all this together.

PyTorch is needed by `names` and `build` alone.
"""
