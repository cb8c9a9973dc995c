"""New outputs stand where the old ones stood, and not a byte beside them changes."""

import pytest
from lesson_helpers import block, parse

from lessons_src.engine.accepting import accept_outputs, output_to_store


def accept(text: str, *outputs: str | None) -> str:
    """`text` with `outputs` stored for its blocks, in order; None leaves a block alone."""
    lesson = parse(text)
    pairs = zip(lesson.blocks, outputs, strict=True)
    return accept_outputs(lesson, {found: output for found, output in pairs if output is not None})


def test_a_new_output_takes_the_place_of_the_old_one() -> None:
    assert accept("A\n\n" + block("x", "1") + "B\n", "2\n3") == "A\n\n" + block("x", "2\n3") + "B\n"


def test_a_first_output_stands_below_its_block() -> None:
    assert accept(block("x") + "B\n", "1") == block("x", "1") + "B\n"


def test_an_output_that_is_no_more_is_deleted_with_the_gap_above_it() -> None:
    assert accept("A\n\n" + block("x", "1") + "B\n", "") == "A\n\n" + block("x") + "B\n"


def test_a_block_that_showed_nothing_and_stores_nothing_stays() -> None:
    assert accept(block("x") + "B\n", "") == block("x") + "B\n"


def test_only_the_chosen_blocks_change() -> None:
    text = block("x", "1") + "\tB  \n" + block("y", "2") + block("z", "3")
    assert accept(text, None, "5", None) == text.replace("\n2\n", "\n5\n")


def test_an_output_is_indented_like_its_block() -> None:
    text = "- item\n\n" + block("x", "1", indent="    ") + "B\n"
    assert accept(text, "2\n\n  3") == "- item\n\n" + block("x", "2\n\n  3", indent="    ") + "B\n"


@pytest.mark.parametrize(("output", "marks"), [("a ``` b", "````"), ("`", "```"), ("`````\n```", "``````")])
def test_a_fence_is_longer_than_the_backticks_that_it_holds(output: str, marks: str) -> None:
    assert accept(block("x", "1"), output) == block("x") + f"{marks}text\n{output}\n{marks}\n\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\ufeff---\ntitle: x\n---\n"])
def test_line_ends_and_byte_order_mark_stay(newline: str, start: str) -> None:
    text = (start + "A\n\n" + block("x", "1") + block("y") + "B\n").replace("\n", newline)
    new = (start + "A\n\n" + block("x", "2\n3") + block("y", "4") + "B\n").replace("\n", newline)
    assert accept(text, "2\n3", "4").encode() == new.encode()


def test_in_a_file_of_two_kinds_of_line_ends_an_output_takes_those_of_its_block() -> None:
    text = "A\n\n" + block("x", "1").replace("\n", "\r\n") + block("y", "2")
    assert accept(text, "3", "4") == text.replace("1\r\n", "3\r\n").replace("2\n", "4\n")


@pytest.mark.parametrize(
    ("text", "output", "new"),
    [
        ("```python\nx\n```\n\n```text\n1\n```", "2", "```python\nx\n```\n\n```text\n2\n```"),
        ("```python\nx\n```\n\n```text\n1\n```", "", "```python\nx\n```"),
        ("```python\nx\n```", "2", "```python\nx\n```\n\n```text\n2\n```"),
    ],
)
def test_a_file_that_ends_without_a_newline_still_does(text: str, output: str, new: str) -> None:
    assert accept(text, output) == new


@pytest.mark.parametrize(
    ("stored", "shown", "new"),
    [
        ("<A at 0x1111>\ntook ...\n1", "<A at 0x2222>\ntook 3\n2", "<A at 0x2222>\ntook ...\n2"),
        # One object where there were two: no line may keep the location of another.
        ("<A at 0x1111>\n<A at 0x1112>", "<A at 0x2222>\n<A at 0x2222>", "<A at 0x2222>\n<A at 0x2222>"),
        ("<A at 0x1111>\n... <A at 0x1112>", "<A at 0x2222>\n1 <A at 0x2222>", None),
    ],
)
def test_what_is_stored_beside_an_ellipsis_matches_what_is_shown(
    stored: str, shown: str, new: str | None
) -> None:
    (found,) = parse(block("x", stored, "ellipsis")).blocks
    assert output_to_store(found, shown) == (new or shown)
