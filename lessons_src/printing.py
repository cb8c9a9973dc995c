"""Print what `traversal` returned: data in, text out, without a graph and without torch."""

from __future__ import annotations

import sys
from reprlib import repr as short_repr
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lessons_src.traversal import Tree

BRANCH, LAST = "├── ", "└── "
PIPE, SPACE = "│   ", "    "
NO_GRAPH = "(no graph: no operation was recorded)"

MAX_LINES = 1_000
"""How many lines are printed by default."""

MAX_DEPTH = 200
_COUNTED_TO = 10**100  # counts stop here: after 100,000 doublings, a count has 30,000 digits


def pretty_print_graph(
    node: Tree | None,
    prefix: str = "",
    is_last: bool = True,
    show_memloc: bool = False,
) -> None:
    """Print the graph that [`traverse_graph`][lessons_src.traverse_graph] returned, as a tree.

    A node is printed once for each path to it, and a graph may have far more paths than nodes:
    20 doublings ``y = y + y`` are 21 nodes and 2,097,151 lines. So nothing is printed below level
    200 of the tree, nor after 1,000 lines; one more line counts the lines that were left out.

    Source: <https://docs.pytorch.org/docs/stable/notes/autograd.html>

    Args:
        node: The tree, or ``None``, for which a line says that there is no graph.
        prefix: The text before every line.
        is_last: Whether the first line is drawn as a last child, with ``└──`` instead of ``├──``.
        show_memloc: Whether to print each node's memory location after its name. Two lines with
            the same location are the same node.

    Raises:
        TypeError: `node`, or a node below it, is not ``((name, memloc), children)``. Nothing is
            printed.
        ValueError: A node is below itself. Nothing is printed.

    Examples:
        >>> leaf = (("AccumulateGrad", "3e5c0"), [])
        >>> product = (("MulBackward0", "acd60"), [leaf, leaf])
        >>> pretty_print_graph(product, show_memloc=True)
        └── MulBackward0: acd60
            ├── AccumulateGrad: 3e5c0
            └── AccumulateGrad: 3e5c0
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    for line in tree_lines(node, prefix, is_last=is_last, show_memloc=show_memloc):
        print(line.encode(encoding, "backslashreplace").decode(encoding))


def tree_lines(
    node: Tree | None, prefix: str = "", *, is_last: bool = True, show_memloc: bool = False
) -> Iterator[str]:
    """Yield the lines that `pretty_print_graph` prints.

    >>> list(tree_lines(None))
    ['└── (no graph: no operation was recorded)']
    """
    if node is None:
        yield prefix + (LAST if is_last else BRANCH) + NO_GRAPH
        return
    counts = _count_lines(node)
    printed = 0
    stack = [(node, prefix, is_last, 1)]
    while stack and printed < MAX_LINES:
        tree, indent, last, depth = stack.pop()
        (name, memloc), children = tree
        yield indent + (LAST if last else BRANCH) + (f"{name}: {memloc}" if show_memloc else name)
        printed += 1
        indent += SPACE if last else PIPE
        if depth < MAX_DEPTH:
            # The last child is pushed first, so that the first child is popped first.
            stack.extend((child, indent, i == 0, depth + 1) for i, child in enumerate(reversed(children)))
        elif children:
            yield indent + LAST + _more_lines(counts[id(tree)] - 1)
            printed += 1
    if stack:
        yield prefix + _more_lines(sum(counts[id(tree)] for tree, *_ in stack))


def _more_lines(count: int) -> str:
    if count >= _COUNTED_TO - 1:
        return "… more than 10^99 more lines"
    return f"… {plural(count, 'more line')}"


def plural(number: int, one: str, many: str = "") -> str:
    """Return a count with its noun.

    >>> plural(1, "leaf", "leaves"), plural(2000, "leaf", "leaves"), plural(0, "arrow")
    ('1 leaf', '2,000 leaves', '0 arrows')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _count_lines(root: Tree) -> dict[int, int]:
    """Return, by id, how many lines each node takes with all below it; check each node's form.

    A shared node is counted once. Ids are safe as keys, because `root` keeps every node alive.
    """
    counts: dict[int, int] = {}
    opened: set[int] = set()
    stack = [root]
    while stack:
        tree = stack.pop()
        if id(tree) not in opened:
            _check_shape(tree)
            opened.add(id(tree))
            stack.append(tree)
            stack.extend(child for child in tree[1] if id(child) not in opened)
        elif id(tree) not in counts:  # on the stack again, after its children
            below = [counts.get(id(child), 0) for child in tree[1]]
            if 0 in below:
                raise ValueError(f"node must be a tree, not one that contains itself: {short_repr(tree)}")
            counts[id(tree)] = min(1 + sum(below), _COUNTED_TO)
    return counts


def _check_shape(node: object) -> None:
    match node:
        case ((str(), str()), list() | tuple()):
            return
    must = "node must be ((name, memloc), children), as traverse_graph returns it"
    if hasattr(node, "grad_fn"):
        raise TypeError(f"{must}, not a tensor. Pass traverse_graph(t.grad_fn).")
    if hasattr(node, "next_functions"):
        raise TypeError(f"{must}, not a node of the graph. Pass traverse_graph(grad_fn).")
    raise TypeError(f"{must}, not {short_repr(node)}.")
