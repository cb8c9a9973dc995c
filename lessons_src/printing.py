"""Draw what `traversal` found: data in, text out. No graph is seen here, so torch is not needed."""

from __future__ import annotations

from reprlib import repr as short_repr
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lessons_src.traversal import Tree

BRANCH, LAST = "├── ", "└── "
PIPE, SPACE = "│   ", "    "

MAX_LINES = 1_000
"""How many lines are printed unless you ask for another number."""

MAX_DEPTH = 200
_COUNTED_TO = 10**100  # 100,000 doublings make a number of 30,000 digits, at each of the nodes


def pretty_print_graph(
    node: Tree | None,
    prefix: str = "",
    is_last: bool = True,
    show_memloc: bool = False,
) -> None:
    """Print the graph that [`traverse_graph`][lessons_src.traverse_graph] returned, as a tree.

    A node is printed once for each path that leads to it, and a graph has far more paths than
    nodes: 20 doublings ``y = y + y`` are 21 nodes and 2,097,151 lines. So what stands below level
    200 of the tree, and what comes after 1,000 lines, is not printed. A line says how many lines
    that is; they are counted without a visit to each.

    Source: <https://docs.pytorch.org/docs/stable/notes/autograd.html>

    Args:
        node: The tree. ``None`` prints one line, which says that there is no graph.
        prefix: What stands before every line.
        is_last: Whether the connector of the first line is that of a last child.
        show_memloc: Whether each name is followed by the node's memory location, which tells
            whether two lines are one node.

    Raises:
        TypeError: `node` is not ``((name, memloc), children)`` all the way down. Nothing is printed.
        ValueError: A node holds itself. Nothing is printed.

    Examples:
        >>> leaf = (("AccumulateGrad", "3e5c0"), [])
        >>> pretty_print_graph((("MulBackward0", "acd60"), [leaf, leaf]), show_memloc=True)
        └── MulBackward0: acd60
            ├── AccumulateGrad: 3e5c0
            └── AccumulateGrad: 3e5c0
    """
    for line in tree_lines(node, prefix, is_last=is_last, show_memloc=show_memloc):
        print(line)


def tree_lines(
    node: Tree | None, prefix: str = "", *, is_last: bool = True, show_memloc: bool = False
) -> Iterator[str]:
    """Yield the lines that `pretty_print_graph` prints.

    >>> list(tree_lines(None))
    ['└── (no graph: no operation was recorded)']
    """
    if node is None:
        yield prefix + (LAST if is_last else BRANCH) + "(no graph: no operation was recorded)"
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
            # A stack gives back first what was put on it last, so the last child goes on first.
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
    """Return, by id, how many lines each node and all below it take; check every node's shape.

    A shared node is counted once, and its count is used again. The ids are safe as keys: `root`
    keeps every node alive meanwhile.
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
        elif id(tree) not in counts:  # we come back to it after its children
            below = [counts.get(id(child), 0) for child in tree[1]]
            if 0 in below:
                raise ValueError(f"a node holds itself, which no graph does: {short_repr(tree)}")
            counts[id(tree)] = min(1 + sum(below), _COUNTED_TO)
    return counts


def _check_shape(node: object) -> None:
    match node:
        case ((str(), str()), list() | tuple()):
            return
    if hasattr(node, "grad_fn"):
        raise TypeError("this is a tensor: print traverse_graph(t.grad_fn) instead of t.")
    if hasattr(node, "next_functions"):
        raise TypeError("this is a node of the graph itself: print traverse_graph(grad_fn).")
    raise TypeError(
        "this is not ((name, memloc), children), the form that traverse_graph returns: " + short_repr(node)
    )
