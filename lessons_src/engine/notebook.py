"""Make an executed Jupyter notebook of a lesson and its run."""

import json
import re

from nbformat import NotebookNode, v4, validate

from lessons_src.engine.failures import split_output
from lessons_src.engine.lesson import Block, BlockRun, Lesson, LessonRun


def notebook(lesson: Lesson, run: LessonRun) -> str:
    """Return the notebook of a checked `lesson` as JSON: its prose, its blocks and their outputs.

    The same lesson gives the same bytes: cell ids are numbered, not random.
    """
    cells: list[NotebookNode] = []
    runs = iter(run.blocks)
    at = lesson.body
    for block in lesson.blocks:
        cells += _prose(lesson, at, block.span.start)
        if question := block.directives.predict:
            cells.append(v4.new_markdown_cell(f"**Predict first.** {question}"))
        cells.append(_code(block, next(runs)) if block.is_run else _shown_only(block))
        cells += _explanation(lesson, block)
        at = block.end
    cells += _prose(lesson, at, len(lesson.lines))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    for number, cell in enumerate((cell for cell in cells if cell["cell_type"] == "code"), start=1):
        cell["execution_count"] = number
    node = v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )
    validate(node)
    return json.dumps(node, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _prose(lesson: Lesson, start: int, end: int) -> list[NotebookNode]:
    text = "".join(lesson.lines[start:end]).removeprefix("\ufeff").strip()
    return [v4.new_markdown_cell(text)] if text else []


def _explanation(lesson: Lesson, block: Block) -> list[NotebookNode]:
    if block.explanation is None:
        return []
    rows = lesson.lines[block.explanation.start : block.explanation.end]
    text = "".join(row.removeprefix(block.indent) for row in rows).strip()
    return [v4.new_markdown_cell(f"<details><summary>Explanation</summary>\n\n{text}\n\n</details>")]


def _shown_only(block: Block) -> NotebookNode:
    reason = block.directives.display_only
    cell: NotebookNode = v4.new_markdown_cell(f"```python\n{block.code}```\n\nNot run: {reason}")
    return cell


def _code(block: Block, run: BlockRun | None) -> NotebookNode:
    cell: NotebookNode = v4.new_code_cell(block.code.rstrip("\n"))
    if run is None:
        return cell
    printed, raised = split_output(block, run)
    if printed:
        cell.outputs.append(v4.new_output("stream", name="stdout", text=printed + "\n"))
    if raised:
        name, _, value = raised.partition(": ")
        cell.outputs.append(v4.new_output("error", ename=name, evalue=value, traceback=[raised]))
    for svg in run.figures:
        data = {"image/svg+xml": re.sub(r"<\?xml.*?\?>\s*|<!DOCTYPE.*?>\s*", "", svg, flags=re.DOTALL)}
        cell.outputs.append(v4.new_output("display_data", data=data))
    return cell
