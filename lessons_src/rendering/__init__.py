"""Draw an `AutogradGraph` as text: data in, lines out. No PyTorch is needed here.

- `options`: what can be asked for, and the characters to draw with.
- `tree`: a line for each edge, as a tree.
- `listing`: a line for each node, as a list or a table.
- `lines`: either of them, up to a limit, and what was left out.
"""
