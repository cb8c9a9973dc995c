"""What a site offers of its lessons' notebooks."""

import io
import zipfile
from pathlib import Path

import pytest
from lesson_helpers import parse

from lessons_src.engine.offers import Offer, bundle, index, links, natural, offer

LESSON = parse("# Lesson 2: `loss`\n")
LOSS = offer(LESSON, "lessons/loss.md", "https://github.com/me/course")
NO_COLAB = offer(LESSON, "lessons/loss.md", None)


@pytest.mark.parametrize("repository", ["https://github.com/me/course.git", "https://github.com/me/course/"])
def test_colab_opens_what_the_branch_of_the_repository_has(repository: str) -> None:
    assert offer(LESSON, "lessons/loss.md", repository) == LOSS
    assert LOSS.colab == (
        "https://colab.research.google.com/github/me/course/blob/notebooks/lessons/loss.ipynb"
    )


@pytest.mark.parametrize(
    "repository", [None, "", "https://gitlab.com/me/course", "https://github.com/example/how-pytorch-learns"]
)
def test_colab_is_not_offered_for_what_it_cannot_open(repository: str | None) -> None:
    assert offer(LESSON, "lessons/loss.md", repository) == NO_COLAB
    assert NO_COLAB.colab is None


def test_a_lesson_without_a_title_has_the_name_of_its_file() -> None:
    assert offer(parse("Text.\n"), "a/b.md", None).title == "a/b"


def test_a_page_leads_to_the_notebook_by_a_relative_link() -> None:
    download = '[Get](../notebooks/lessons/loss.ipynb){ download="loss.ipynb" }'
    assert links(NO_COLAB, "lessons/loss.md", "Get", "Colab") == [download]
    assert links(LOSS, "lessons/loss.md", "Get", "Colab") == [download, f"[Colab]({LOSS.colab})"]


def test_the_list_leads_to_pages_only_where_there_are_any() -> None:
    get = f'[download](lessons/loss.ipynb){{ download="loss.ipynb" }}, [open in Colab]({LOSS.colab})'
    assert f"- [Lesson 2: `loss`](lessons/loss/index.ipynb): {get}\n" in index([LOSS], shown=True)
    assert f"- Lesson 2: `loss`: {get}\n" in index([LOSS], shown=False)
    assert '[All of them in one file](notebooks.zip){ download="notebooks.zip" }' in index([LOSS], shown=True)


def test_titles_are_sorted_by_number_then_word() -> None:
    titles = ["Lesson 10: A", "Lesson 2: B", "Lesson 2: A", "Lesson 1: A"]
    assert sorted(titles, key=natural) == titles[::-1]


def test_a_zip_has_the_notebooks_beside_the_package_that_they_import(tmp_path: Path) -> None:
    package = tmp_path / "lessons_src"
    for name in [
        "__init__.py",
        "graph/dot.py",
        "engine/page.py",
        "__pycache__/a.pyc",
        "graph/__pycache__/b.pyc",
    ]:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("x = 1\n")
    notebooks: dict[Offer, str] = {LOSS: "{}"}
    made = bundle("A course", notebooks, package)
    archive = zipfile.ZipFile(io.BytesIO(made))
    assert archive.namelist() == [
        "notebooks/loss.ipynb",
        "notebooks/README.md",
        "notebooks/lessons_src/__init__.py",
        "notebooks/lessons_src/graph/dot.py",
    ]
    assert archive.read("notebooks/loss.ipynb") == b"{}"
    readme = archive.read("notebooks/README.md").decode()
    assert readme.startswith("# A course: the notebooks\n")
    assert "\n- `loss.ipynb`: Lesson 2: `loss`\n" in readme
    (package / "__init__.py").touch()
    assert bundle("A course", notebooks, package) == made, "a date of a file is in it"
