"""Every lesson's notebook, run by a kernel: another executor than the lessons' own, and the same outputs."""

import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lessons_src.engine.failures import check_block
from lessons_src.engine.lesson import Block, BlockRun, LessonRun
from lessons_src.engine.notebook import notebook
from lessons_src.engine.parsing import read_lesson

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "docs" / "lessons").glob("*.md"))

# A kernel says more of a warning: where it was, the line of code there, and where in PyTorch it comes from.
_WARNING = re.compile(r"^\S+:\d+: (\w+: .*?)(?: \(Triggered internally at .*?\))?\n  .*\n", re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("lesson_file", LESSONS, ids=lambda file: file.stem)
def test_a_kernel_shows_in_each_cell_what_the_lesson_stores(lesson_file: Path, tmp_path: Path) -> None:
    lesson = read_lesson(lesson_file, ROOT)
    unknown = LessonRun([None for block in lesson.blocks if block.is_run])
    made = nbformat.reads(notebook(lesson, unknown, site="", repository=""), as_version=4)
    NotebookClient(
        made,
        timeout=300,
        startup_timeout=300,
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    cells = {cell.id: cell for cell in made.cells}
    checked = [(block, cells[name]) for block in lesson.blocks if (name := f"line-{block.line}") in cells]
    assert len(checked) > 20
    failures = [
        failure
        for block, cell in checked
        for failure in check_block(lesson, _with_warnings_last(block), _result(block, cell))
    ]
    assert not failures, "\n".join(map(str, failures))


def _result(block: Block, cell: nbformat.NotebookNode) -> BlockRun:
    """What a kernel has shown, as a lesson's own run would report it, but with the warnings last.

    A kernel sends warnings in a stream of their own, and nothing says when they came.
    """
    result, warned = BlockRun(), ""
    for output in cell.outputs:
        if output.output_type == "error":
            result.error = _qualified(block, f"{output.ename}: {output.evalue}")
        elif output.output_type == "stream" and output.name == "stderr":
            warned += _WARNING.sub(r"\1\n", output.text)
        elif output.output_type == "stream":
            result.shown += output.text
        elif kinds := [kind for kind in output.data if kind.startswith("image/")]:
            result.figures.append(kinds[0])
        else:
            result.shown += output.data["text/plain"] + "\n"
    result.shown = (result.shown + warned).removesuffix("\n")
    return result


def _with_warnings_last(block: Block) -> Block:
    if block.output is None:
        return block
    rows = block.output.text.split("\n")
    raised = [rows.pop()] if block.directives.raises else []
    rows = [*sorted(rows, key=lambda row: bool(re.match(r"\w+Warning: ", row))), *raised]
    return replace(block, output=replace(block.output, text="\n".join(rows)))


def _qualified(block: Block, error: str) -> str:
    """Return `error` with the module of its class, which a lesson stores and a kernel does not give."""
    last = block.output.text.split("\n")[-1] if block.output else ""
    return last if last.endswith(f".{error}") else error
