"""`pretty_print_graph` by whole expected strings, and against the course's first version."""

from __future__ import annotations

import io
import random
import re
from typing import Any

import pytest
import torch

from lessons_src import pretty_print_graph, traverse_graph
from lessons_src.printing import MAX_DEPTH, MAX_LINES, tree_lines
from lessons_src.traversal import Tree, walk

LEAF: Tree = (("AccumulateGrad", "3e5c0"), [])


def printed(capsys: pytest.CaptureFixture[str], *args: Any, **kwargs: Any) -> str:
    pretty_print_graph(*args, **kwargs)
    return capsys.readouterr().out


def first_version(node: Any, prefix: str = "", is_last: bool = True, show_memloc: bool = False) -> None:
    """The function of the course's source, letter by letter."""
    name, children = node
    connector = "└── " if is_last else "├── "
    if show_memloc:
        formatted_name = f"{name[0]}: {name[1]}"
    else:
        formatted_name = name[0]
    print(prefix + connector + formatted_name)
    if children:
        child_prefix = prefix + ("    " if is_last else "│   ")
        for idx, child in enumerate(children):
            is_child_last = idx == len(children) - 1
            first_version(child, child_prefix, is_child_last, show_memloc)


def doublings(count: int) -> Tree:
    tree = LEAF
    for _ in range(count):
        tree = (("AddBackward0", "acd60"), [tree, tree])
    return tree


def chain(operations: int) -> Tree:
    tree = LEAF
    for _ in range(operations):
        tree = (("SinBackward0", "acd60"), [tree])
    return tree


# The example of the course's source

EXAMPLE = """\
└── AddBackward0
    ├── AccumulateGrad
    └── AddBackward0
        ├── AddBackward0
        │   ├── AddBackward0
        │   │   ├── AccumulateGrad
        │   │   └── MmBackward0
        │   │       └── AccumulateGrad
        │   └── MmBackward0
        │       └── AddBackward0
        │           ├── AccumulateGrad
        │           └── MulBackward0
        │               └── AccumulateGrad
        └── AccumulateGrad
"""

EXAMPLE_WITH_MEMORY_LOCATIONS = """\
└── AddBackward0: acd60
    ├── AccumulateGrad: 3e5c0
    └── AddBackward0: 3fc70
        ├── AddBackward0: 33d30
        │   ├── AddBackward0: 335e0
        │   │   ├── AccumulateGrad: 3e5c0
        │   │   └── MmBackward0: 32620
        │   │       └── AccumulateGrad: 32800
        │   └── MmBackward0: 33250
        │       └── AddBackward0: 318d0
        │           ├── AccumulateGrad: 311b0
        │           └── MulBackward0: 33280
        │               └── AccumulateGrad: 32fb0
        └── AccumulateGrad: 32fb0
"""


@pytest.fixture
def example() -> torch.Tensor:
    x = torch.randn((2, 2), requires_grad=False)
    a = torch.randn((2, 2), requires_grad=True)
    b = torch.randn((2, 2), requires_grad=True)
    c = torch.randn((2, 2), requires_grad=True)
    d = torch.randn((2, 2), requires_grad=True)
    e = a + b @ x
    f = c + d * x
    g = e + f @ x + d
    return a + g


def test_the_example_prints_as_in_the_source(
    example: torch.Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(capsys, traverse_graph(example.grad_fn)) == EXAMPLE


def test_the_example_prints_with_the_sources_memory_locations_renamed(
    example: torch.Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, traverse_graph(example.grad_fn), show_memloc=True)
    location = re.compile("(?<=: )[0-9a-f]+$", re.MULTILINE)
    theirs = location.findall(EXAMPLE_WITH_MEMORY_LOCATIONS)
    renaming = dict(zip(location.findall(text), theirs, strict=True))
    assert location.sub(lambda match: renaming[match[0]], text) == EXAMPLE_WITH_MEMORY_LOCATIONS
    assert len(set(renaming.values())) == len(renaming) == 12  # a and d twice each, in 14 lines


# Small trees, whole


def test_prefix_and_is_last_place_a_tree_inside_another(capsys: pytest.CaptureFixture[str]) -> None:
    tree: Tree = (("MulBackward0", "acd60"), [LEAF, LEAF])
    assert printed(capsys, tree, "│   ", False) == (
        "│   ├── MulBackward0\n│   │   ├── AccumulateGrad\n│   │   └── AccumulateGrad\n"
    )


def test_no_graph_is_one_line_that_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, None) == "└── (no graph: no operation was recorded)\n"
    assert printed(capsys, None, "  ", is_last=False) == "  ├── (no graph: no operation was recorded)\n"


def test_tuples_and_lists_are_equally_good(capsys: pytest.CaptureFixture[str]) -> None:
    as_lists = [["MulBackward0", "acd60"], ([["AccumulateGrad", "3e5c0"], ()],)]
    assert printed(capsys, as_lists, show_memloc=True) == (
        "└── MulBackward0: acd60\n    └── AccumulateGrad: 3e5c0\n"
    )


@pytest.mark.parametrize("show_memloc", [False, True])
def test_random_trees_print_as_from_the_first_version(
    show_memloc: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(20):
        choose = random.Random(seed)
        nodes: list[Tree] = [LEAF]
        for i in range(12):
            nodes.append(((f"Op{i}", f"{i:05x}"), choose.choices(nodes[-4:], k=choose.randrange(3))))
        first_version(nodes[-1], show_memloc=show_memloc)
        expected = capsys.readouterr().out
        assert printed(capsys, nodes[-1], show_memloc=show_memloc) == expected, seed


# Large trees: what is not printed is counted


def test_twenty_doublings_stop_at_the_last_line_that_fits() -> None:
    *lines, last = tree_lines(doublings(20))
    assert len(lines) == MAX_LINES
    assert last == f"… {2_097_151 - MAX_LINES:,} more lines" == "… 2,096,151 more lines"


def test_a_hundred_doublings_are_counted_exactly() -> None:
    *_, last = tree_lines(doublings(100), "  ")
    assert last == f"  … {2**101 - 1 - MAX_LINES:,} more lines"


def test_a_count_that_nobody_can_read_is_given_as_a_bound() -> None:
    *_, last = tree_lines(doublings(10_000))
    assert last == "… more than 10^99 more lines"


@pytest.mark.parametrize(("operations", "lines"), [(9, 1023), (8, 511)])
def test_every_line_is_either_printed_or_counted(operations: int, lines: int) -> None:
    found = list(tree_lines(doublings(operations)))
    counted = found.pop() if len(found) > MAX_LINES else "… 0 more lines"
    assert len(found) + int(counted.split()[1]) == lines


def test_a_tree_of_exactly_the_last_line_is_printed_whole() -> None:
    wide: Tree = (("StackBackward0", "acd60"), [LEAF] * (MAX_LINES - 1))
    assert list(tree_lines(wide))[-1] == "    └── AccumulateGrad"
    wider: Tree = (("StackBackward0", "acd60"), [LEAF] * MAX_LINES)
    assert list(tree_lines(wider))[-2:] == ["    ├── AccumulateGrad", "… 1 more line"]


def test_a_chain_stops_at_the_last_level_and_says_how_much_is_below() -> None:
    *lines, last = tree_lines(chain(5_000))
    assert len(lines) == MAX_DEPTH
    assert last == " " * 4 * MAX_DEPTH + f"└── … {5_001 - MAX_DEPTH:,} more lines"


def test_a_chain_that_ends_at_the_last_level_is_printed_whole() -> None:
    *lines, last = tree_lines(chain(MAX_DEPTH - 1))
    assert len(lines) == MAX_DEPTH - 1
    assert last == " " * 4 * (MAX_DEPTH - 1) + "└── AccumulateGrad"


def test_printing_goes_on_after_a_branch_that_is_too_deep() -> None:
    tree: Tree = (("AddBackward0", "acd60"), [chain(300), LEAF])
    lines = list(tree_lines(tree))
    assert lines[MAX_DEPTH].lstrip(" │") == f"└── … {302 - MAX_DEPTH} more lines"
    assert lines[MAX_DEPTH + 1 :] == ["    └── AccumulateGrad"]


def test_depth_and_length_together_keep_the_text_small() -> None:
    tree = chain(5_000)
    for _ in range(5_000):
        tree = (("AddBackward0", "acd60"), [tree, tree])
    lines = list(tree_lines(tree))
    assert len(lines) <= MAX_LINES + 2
    assert max(map(len, lines)) < 4 * MAX_DEPTH + 50


def test_a_real_graph_that_is_shared_and_deep_is_counted_as_its_paths() -> None:
    y = torch.ones(1, requires_grad=True)
    for _ in range(30):
        y = y * y + y
    assert y.grad_fn is not None
    paths: dict[Any, int] = {}
    for node, inputs in walk(y.grad_fn).items():
        paths[node] = 1 + sum(paths[fn] for fn in inputs)
    *_, last = tree_lines(traverse_graph(y.grad_fn))
    assert last == f"… {paths[y.grad_fn] - MAX_LINES:,} more lines"


# Bad input: nothing is printed


MUST = "node must be ((name, memloc), children), as traverse_graph returns it, not "


@pytest.mark.parametrize(
    ("junk", "message"),
    [
        (3, MUST + "3."),
        ("AddBackward0", MUST + "'AddBackward0'."),
        ((("AddBackward0", "acd60"),), MUST + "(('AddBackward0', 'acd60'),)."),
        (("AddBackward0", []), MUST + "('AddBackward0', [])."),
        ((("AddBackward0", 7), []), MUST + "(('AddBackward0', 7), [])."),
        ((("AddBackward0", "acd60"), None), MUST + "(('AddBackward0', 'acd60'), None)."),
        ((("AddBackward0", "acd60"), [LEAF, None]), MUST + "None."),
        (torch.ones(2), MUST + "a tensor. Pass traverse_graph(t.grad_fn)."),
        (
            torch.ones(2, requires_grad=True).exp().grad_fn,
            MUST + "a node of the graph. Pass traverse_graph(grad_fn).",
        ),
    ],
)
def test_what_is_not_a_traversed_graph_is_refused(
    junk: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TypeError) as caught:
        pretty_print_graph(junk)
    assert str(caught.value) == message
    assert capsys.readouterr().out == ""


def test_a_deep_tree_of_the_wrong_shape_is_refused_without_recursion() -> None:
    tree: Any = (("AddBackward0", "acd60"), [chain(50_000), 3])
    with pytest.raises(TypeError, match=r"not 3\.$"):
        pretty_print_graph(tree)


def test_a_node_that_holds_itself_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    node: Tree = (("AddBackward0", "acd60"), [LEAF])
    node[1].append((("SinBackward0", "3fc70"), [node]))
    with pytest.raises(ValueError, match="^node must be a tree, not one that contains itself: "):
        pretty_print_graph(node)
    assert capsys.readouterr().out == ""


def test_a_tree_is_printed_where_only_ascii_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    pretty_print_graph((("A", "0"), []))
    assert written.getvalue() == b"\\u2514\\u2500\\u2500 A\n"
