"""The autograd graph of any output, with names and shapes: as data, as text and as a drawing.

Read the files in this order. Each has one idea.

- `model`: the graph as data. `names` finds the names of tensors, and `build` reads a graph.
- `options`: the options of text. `tree` has a line for each edge, `table` a line for each node,
  and `text` has either of them up to a limit.
- `reach`: the parameters that the graph does not reach, and a path to one that it reaches.
- `picture`: the content of a drawing, with its text from `drawing_text`. `dot` writes it in the DOT
  language. `layout` places its parts with Graphviz, by the sizes in `style`, and `svg` draws them.
- `autograd_graph`: `AutogradGraph` and `print_graph`, which use all of these.

Only `names`, `build` and `reach` import PyTorch.
"""
