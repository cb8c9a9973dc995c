"""The checks of lesson 8: the right answers, and a hint of its own for each common mistake."""

# ruff: noqa: ARG005, B006  # an answer may ignore what it is given, and be wrong

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from lessons_src import traverse_graph
from lessons_src.exercises import check_depth, check_kinds, check_lost, check_shapes, check_way
from lessons_src.exercises.recursive_functions import standin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

NO_FUNCTION = "the answer must be a function, not 4. Give its name without brackets."


def said(capsys: pytest.CaptureFixture[str], check: Callable[..., None], answer: Any) -> str:
    check(answer)
    return capsys.readouterr().out.removeprefix("Not yet: ").rstrip("\n")


def walk(root: Any) -> Iterator[Any]:
    seen, stack = set(), [root]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        stack.extend(child for child, _ in reversed(node.next_functions))


def every_path(node: Any) -> Iterator[Any]:
    yield node
    for child, _ in node.next_functions:
        if child is not None:
            yield from every_path(child)


def counted(nodes: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for node in nodes:
        counts[type(node).__name__] = counts.get(type(node).__name__, 0) + 1
    return counts


def test_a_standin_is_asked_like_its_node() -> None:
    w = torch.tensor(3.0, requires_grad=True)
    node = standin((w * w).grad_fn)
    assert repr(node) == "<MulBackward0>"
    assert node.name() == "MulBackward0"
    (first, number), (second, _) = node.next_functions
    assert first is second
    assert number == 0
    assert first.variable is w
    assert not hasattr(node, "variable")


def test_kinds_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_kinds, lambda root: counted(walk(root))) == "Right."


def with_a_default(root: Any, seen: set[Any] = set()) -> dict[str, int]:
    counts: dict[str, int] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.add(node)
            counts[type(node).__name__] = counts.get(type(node).__name__, 0) + 1
            stack.extend(child for child, _ in node.next_functions)
    return counts


def with_recursion(root: Any) -> dict[str, int]:
    seen: set[Any] = set()

    def visit(node: Any) -> None:
        if node is not None and node not in seen:
            seen.add(node)
            for child, _ in node.next_functions:
                visit(child)

    visit(root)
    return counted(seen)


def with_none(root: Any) -> dict[str, int]:
    nodes = list(walk(root))
    return counted(nodes + [child for node in nodes for child, _ in node.next_functions if child is None])


def on_all_paths_but_to_a_leaf(root: Any) -> dict[str, int]:
    return counted(set(every_path(root)))


def no_look_at_none(root: Any) -> dict[str, int]:
    seen, stack = {root}, [root]
    while stack:
        for child, _ in stack.pop().next_functions:
            if child not in seen:
                seen.add(child)
                stack.append(child)
    return counted(seen)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            lambda root: counted(every_path(root)),
            (
                "for w * w you count 2 of AccumulateGrad, and it must be 1. "
                "A node that is met twice is one node."
            ),
        ),
        (
            on_all_paths_but_to_a_leaf,
            (
                "kinds(root) asks for children more than 200,000 times in a graph of 3,001 nodes at most: "
                "it walks along every path. Remember what you have seen."
            ),
        ),
        (
            with_a_default,
            (
                "for w * w the first call is right and the second is not: something is remembered from call "
                "to call. A default such as seen=set() is made once."
            ),
        ),
        (
            with_recursion,
            (
                "kinds(root) ends in a RecursionError: "
                "it calls itself for each of 3,000 operations in a row. Use a stack of your own."
            ),
        ),
        (
            with_none,
            "for ((w * x - 1) ** 2).mean() your dictionary has NoneType: a child that is None is no node.",
        ),
        (
            no_look_at_none,
            ("kinds(root) asks None for something. Where an input requires no gradient, the child is None."),
        ),
        (
            lambda root: {type(root).__name__: 1},
            "for w * w there is no AccumulateGrad in your dictionary.",
        ),
        (
            lambda root: {**counted(walk(root)), "w": 1},
            "for w * w your dictionary has 'w', which is the name of no node's type.",
        ),
        (lambda root: len(list(walk(root))), "kinds(root) must return a dictionary, not 2."),
        (lambda root: None, "kinds(root) returns None; let it return your answer."),
        (
            lambda root: root.tensor,
            "kinds(root) raises AttributeError: 'MulBackward0' object has no attribute 'tensor'.",
        ),
        (4, NO_FUNCTION),
    ],
)
def test_each_mistake_in_kinds_gets_its_own_hint(
    capsys: pytest.CaptureFixture[str], answer: Any, hint: str
) -> None:
    assert said(capsys, check_kinds, answer) == hint


def deepest(node: Any, kept: dict[Any, int] | None = None) -> int:
    kept = {} if kept is None else kept
    if node is None:
        return 0
    if node not in kept:
        kept[node] = 1 + max((deepest(child, kept) for child, _ in node.next_functions), default=0)
    return kept[node]


def forgetful(node: Any) -> int:
    return 0 if node is None else 1 + max((forgetful(c) for c, _ in node.next_functions), default=0)


def first_child(node: Any) -> int:
    return 1 + first_child(node.next_functions[0][0]) if node.next_functions else 1


def added_up(node: Any) -> int:
    return 0 if node is None else 1 + sum(added_up(c) for c, _ in node.next_functions)


def no_default(node: Any) -> int:
    return 1 + max(no_default(child) for child, _ in node.next_functions)


def no_none(node: Any) -> int:
    return 1 + max((no_none(child) for child, _ in node.next_functions), default=0)


def test_depth_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_depth, deepest) == "Right."


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            lambda node: deepest(node) - 1,
            "for the node of a leaf you count the arrows, 0. Count the nodes: a leaf's node has depth 1.",
        ),
        (
            first_child,
            "for w + w * w * w your way is 2 long, and there is a longer one through another child.",
        ),
        (added_up, "for w * w you add the children up. Only the deepest of them counts."),
        (
            forgetful,
            (
                "depth(node) asks for children more than 200,000 times in a graph of 3,001 nodes at most: "
                "it walks along every path. Remember what you have seen."
            ),
        ),
        (
            no_none,
            ("depth(node) asks None for something. Where an input requires no gradient, the child is None."),
        ),
        (
            no_default,
            "depth(node) raises ValueError: max() arg is an empty sequence.",
        ),
        (lambda node: 7, "for the node of a leaf the depth is 1, not 7."),
        (lambda node: "1", "for the node of a leaf the depth is 1, not '1'."),
        (lambda node: None, "depth(node) returns None; let it return your answer."),
        (4, NO_FUNCTION),
    ],
)
def test_each_mistake_in_depth_gets_its_own_hint(
    capsys: pytest.CaptureFixture[str], answer: Any, hint: str
) -> None:
    assert said(capsys, check_depth, answer) == hint


def reached(loss: Tensor) -> list[Tensor]:
    return [node.variable for node in walk(loss.grad_fn) if hasattr(node, "variable")]


def parameters(names: dict[str, Tensor]) -> list[str]:
    return [name for name, tensor in names.items() if tensor.is_leaf and tensor.requires_grad]


def unreached(loss: Tensor, names: dict[str, Tensor]) -> list[str]:
    found = {id(tensor) for tensor in reached(loss)}
    return [name for name in parameters(names) if id(names[name]) not in found]


def by_number(loss: Tensor, names: dict[str, Tensor]) -> list[str]:
    return [n for n in parameters(names) if not any(torch.equal(names[n], t) for t in reached(loss))]


def by_in(loss: Tensor, names: dict[str, Tensor]) -> list[str]:
    return [name for name in parameters(names) if names[name] not in reached(loss)]


def by_grad(loss: Tensor, names: dict[str, Tensor]) -> list[str]:
    if loss.requires_grad:
        loss.backward()  # type: ignore[no-untyped-call]
    return [name for name in parameters(names) if names[name].grad is None]


def no_graph_forgotten(loss: Tensor, names: dict[str, Tensor]) -> list[str]:
    return unreached(loss, names) if loss.grad_fn.next_functions else []  # type: ignore[union-attr]


def recursive(loss: Tensor, names: dict[str, Tensor]) -> list[str]:
    list(every_path(loss.grad_fn)) if loss.requires_grad else None
    return unreached(loss, names)


def nothing_without_a_graph(loss: Tensor, names: dict[str, Tensor]) -> list[str]:
    return unreached(loss, names) if loss.requires_grad else []


def test_lost_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_lost, unreached) == "Right."


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            lambda loss, names: [n for n in names if not any(names[n] is t for t in reached(loss))],
            "'out' is in your list, and is no parameter: it is a result.",
        ),
        (
            lambda loss, names: [n for n in names if names[n].is_leaf and n not in unreached(loss, names)],
            "'a' is in your list, and the loss reaches it.",
        ),
        (
            lambda loss, names: [n for n in names if n != "out" and not names[n].requires_grad],
            "'x' is in your list, and is no parameter: it requires no gradient.",
        ),
        (lambda loss, names: ["c"], "'c' is in your list, and is not one of the names."),
        (lambda loss, names: [], "'a' must be in your list: no path leads to it."),
        (
            by_number,
            "'w' must be in your list. Another tensor has the same numbers: compare with `is`.",
        ),
        (by_in, "== and in compare numbers, entry by entry. `is` says which tensor it is."),
        (
            by_grad,
            "'a' must be in your list: its .grad is from an earlier walk, not from this loss.",
        ),
        (
            no_graph_forgotten,
            (
                "the graph of a loss may be cut altogether. "
                "Then loss.grad_fn is None, and every parameter is lost."
            ),
        ),
        (
            nothing_without_a_graph,
            "'a' must be in your list: this loss has no grad_fn, so it reaches nothing.",
        ),
        (
            recursive,
            (
                "lost(loss, names) ends in a RecursionError: "
                "it calls itself for each of 3,000 operations in a row. Use a stack of your own."
            ),
        ),
        (
            lambda loss, names: loss.parameters(),
            "lost(loss, names) raises AttributeError: 'Tensor' object has no attribute 'parameters'.",
        ),
        (lambda loss, names: [1], "lost(loss, names) must return a list of names, not [1]."),
        (lambda loss, names: "a", "lost(loss, names) must return a list of names, not 'a'."),
        (4, NO_FUNCTION),
    ],
)
def test_each_mistake_in_lost_gets_its_own_hint(
    capsys: pytest.CaptureFixture[str], answer: Any, hint: str
) -> None:
    assert said(capsys, check_lost, answer) == hint


def named(node: Any) -> str:
    if hasattr(node, "variable"):
        return f"{type(node).__name__} {tuple(node.variable.shape)}"
    return type(node).__name__


def with_shapes(grad_fn: Any) -> Any:
    if grad_fn is None:
        return None
    children = [with_shapes(child) for child, _ in grad_fn.next_functions if child is not None]
    return ((named(grad_fn), hex(id(grad_fn))[-5:]), children)


def the_old_one_below(grad_fn: Any) -> Any:
    if grad_fn is None:
        return None
    return (
        (named(grad_fn), ""),
        [traverse_graph(child) for child, _ in grad_fn.next_functions if child is not None],
    )


def none_is_a_child(grad_fn: Any) -> Any:
    if grad_fn is None:
        return None
    return ((named(grad_fn), ""), [none_is_a_child(child) for child, _ in grad_fn.next_functions])


def each_leaf_once(grad_fn: Any) -> Any:
    if grad_fn is None:
        return None
    children = {child: each_leaf_once(child) for child, _ in grad_fn.next_functions if child is not None}
    return ((named(grad_fn), ""), [*children.values()])


def variable_of_all(grad_fn: Any) -> Any:
    children = [variable_of_all(child) for child, _ in grad_fn.next_functions]
    return ((f"{type(grad_fn).__name__} {tuple(grad_fn.variable.shape)}", ""), children)


def its_own_node(grad_fn: Any) -> Any:
    return (("", ""), [its_own_node(grad_fn)])


def no_question_for_none(grad_fn: Any) -> Any:
    return with_shapes(grad_fn) if grad_fn.next_functions else ((named(grad_fn), ""), [])


def printed(grad_fn: Any) -> None:
    print(named(grad_fn))


def test_shapes_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_shapes, with_shapes) == "Right."


LEAF = "for the node of a leaf of (3,)"
NO_NODE = "a leaf's grad_fn is None, and for None traverse_graph returns None. Keep its first two lines."


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (traverse_graph, f"{LEAF} the line must be 'AccumulateGrad (3,)', not 'AccumulateGrad'."),
        (
            lambda node: ((f"{type(node).__name__} {node.variable.shape}", ""), []),
            f"{LEAF} the line must be 'AccumulateGrad (3,)', not 'AccumulateGrad torch.Size([3])'.",
        ),
        (
            the_old_one_below,
            (
                "for v * w, with shapes (3,) and () the line must be 'AccumulateGrad (3,)', "
                "not 'AccumulateGrad'. Which function does yours call for a child?"
            ),
        ),
        (
            none_is_a_child,
            (
                "for ((matrix @ v) * 10).mean() + w your tree has None among the children. "
                "A child that is None is left out."
            ),
        ),
        (
            each_leaf_once,
            "for w * w, with a single number w your MulBackward0 has 1 children, and must have 2.",
        ),
        (
            lambda node: (type(node).__name__, []),
            f"{LEAF} a tree must be ((name, memloc), children), not ('AccumulateGrad', []).",
        ),
        (
            variable_of_all,
            "only the node of a leaf has a `variable`. hasattr says whether one is there.",
        ),
        (
            its_own_node,
            "your function calls itself without end. It must hand on the child, not its own node.",
        ),
        (lambda node: with_shapes(node) or 0, NO_NODE),
        (no_question_for_none, NO_NODE),
        (printed, "with_shapes(grad_fn) returns None; let it return your answer."),
        (
            lambda node: node.shape,
            "with_shapes(grad_fn) raises AttributeError: 'AccumulateGrad' object has no attribute 'shape'.",
        ),
        (4, NO_FUNCTION),
    ],
)
def test_each_mistake_in_shapes_gets_its_own_hint(
    capsys: pytest.CaptureFixture[str], answer: Any, hint: str
) -> None:
    assert said(capsys, check_shapes, answer).split("\n")[-1].removeprefix("Not yet: ") == hint


def found_way(root: Any, leaf: Tensor) -> list[Any]:
    came_from, stack = {root: None}, [root]
    while stack:
        node = stack.pop()
        if getattr(node, "variable", None) is leaf:
            nodes = []
            while node is not None:
                nodes.append(node)
                node = came_from[node]
            return nodes[::-1]
        for child, _ in node.next_functions:
            if child is not None and child not in came_from:
                came_from[child] = node
                stack.append(child)
    return []


def by_recursion(root: Any, leaf: Tensor) -> list[Any]:
    if root is None:
        return []
    if getattr(root, "variable", None) is leaf:
        return [root]
    for child, _ in root.next_functions:
        if below := by_recursion(child, leaf):
            return [root, *below]
    return []


def to_any_leaf(root: Any, leaf: Tensor) -> list[Any]:
    return found_way(root, next(node.variable for node in walk(root) if hasattr(node, "variable")))


def to_the_first_leaf(root: Any, leaf: Tensor) -> list[Any]:
    return to_any_leaf(root, leaf) if found_way(root, leaf) else []


def all_visited(root: Any, leaf: Tensor) -> list[Any]:
    nodes = sorted(walk(root), key=lambda node: getattr(node, "variable", None) is leaf)
    return nodes if getattr(nodes[-1], "variable", None) is leaf else []


def deep_recursion(root: Any, leaf: Tensor) -> list[Any]:
    list(every_path(root)) if len(list(walk(root))) > 30 else None
    return found_way(root, leaf)


def test_way_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_way, found_way) == "Right."


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            by_recursion,
            (
                "way(root, leaf) asks for children more than 200,000 times in a graph of 3,001 nodes at "
                "most: it walks along every path. Remember what you have seen."
            ),
        ),
        (
            deep_recursion,
            (
                "way(root, leaf) ends in a RecursionError: "
                "it calls itself for each of 3,000 operations in a row. Use a stack of your own."
            ),
        ),
        (
            lambda root, leaf: found_way(root, leaf)[::-1],
            "your path begins at the leaf. Turn the list round.",
        ),
        (lambda root, leaf: found_way(root, leaf)[1:], "your path must begin with root itself."),
        (
            lambda root, leaf: found_way(root, leaf)[:-1],
            "for w * w your last node is MulBackward0, and must be the AccumulateGrad of the leaf.",
        ),
        (
            to_any_leaf,
            (
                "for w * w you find a path of 2 nodes to a leaf that is not there, and has the number of one "
                "that is. Compare leaves with `is`, and return [] where no path is."
            ),
        ),
        (
            to_the_first_leaf,
            "for a * b + b * c your path ends at another leaf than the one that is asked for.",
        ),
        (
            all_visited,
            (
                "for a * b + b * c MulBackward0 comes after AccumulateGrad in your list, "
                "and is not its child. A list of all that was visited is no path."
            ),
        ),
        (
            lambda root, leaf: found_way(root, leaf) or None,
            "way(root, leaf) returns None. It must return a list, and [] where no path is.",
        ),
        (
            lambda root, leaf: [type(node).__name__ for node in found_way(root, leaf)],
            "way(root, leaf) must return nodes, and your list holds something else: names, or tensors.",
        ),
        (lambda root, leaf: [], "for w * w you find no path, and there is one."),
        (lambda root, leaf: 2, "way(root, leaf) must return a list, not 2."),
        (4, NO_FUNCTION),
    ],
)
def test_each_mistake_in_way_gets_its_own_hint(
    capsys: pytest.CaptureFixture[str], answer: Any, hint: str
) -> None:
    assert said(capsys, check_way, answer) == hint
