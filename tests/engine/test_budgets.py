"""A page with `minutes` is a lesson of the course, and keeps its budgets."""

import pytest
from lesson_helpers import block, parse, problems

EXERCISE = block("check_it(...)", "Not yet: …", "exercise: ★ 5 min")
EXERCISES = "## Exercises\n\n" + "".join(f"### {number}. A\n\n{EXERCISE}" for number in range(1, 4))


def lesson(*pieces: str, minutes: object = 30, exercises: str = EXERCISES) -> str:
    return "".join([f"---\nminutes: {minutes}\n---\n\n# A\n\n", *pieces, exercises])


def test_a_lesson_within_its_budgets_has_no_problem() -> None:
    assert parse(lesson("Text.\n\n" * 2185, *[block("1", "1", "predict: What?")] * 8)).minutes == 30


def test_words_outside_fences_and_comments_are_counted() -> None:
    prose = "One, two - `three`. | four |\n\n<!-- # not five -->\n```console\nnot six\n```\n\n"
    # The titles have 8 words.
    assert problems(lesson(prose, "word\n\n" * 2188)) == []
    assert problems(lesson(prose, "word\n\n" * 2190)) == [
        (1, "a lesson must have at most 2,200 words of prose, not 2,202: cut 2")
    ]
    folded = [block("1", "1", "predict: What?"), "word\n\n" * 2193, "<!-- /predict -->\n\n"]
    assert "not 2,201: cut 1" in problems(lesson(*folded))[0][1]


def test_the_first_question_too_many_is_named() -> None:
    found = problems(lesson("Text.\n\n", *[block("1", "1", "predict: What?")] * 10))
    assert found == [(9 + 8 * 9, "a lesson must have at most 8 questions, not 10")]


@pytest.mark.parametrize("minutes", [24, 46])
def test_a_lesson_takes_25_to_45_minutes(minutes: int) -> None:
    assert problems(lesson(minutes=minutes)) == [(1, f"`minutes` must be from 25 to 45, not {minutes}")]


def test_minutes_are_a_number() -> None:
    assert problems(lesson(minutes="half an hour")) == [
        (2, "`minutes` must be a number, such as 35, not `half an hour`")
    ]


@pytest.mark.parametrize(("count", "line"), [(0, 6), (2, 7), (6, 7)])
def test_a_lesson_has_three_to_five_exercises(count: int, line: int) -> None:
    exercises = f"## Exercises\n\n{('### A' + chr(10) * 2 + EXERCISE) * count}## More\n\n### No exercise\n"
    (found,) = problems(lesson(exercises=exercises if count else ""))
    assert found == (
        line,
        f"a lesson must have 3 to 5 exercises, each a heading `###` below `## Exercises`, not {count}",
    )


@pytest.mark.parametrize(
    ("wrong", "count"), [("", 0), (block("check_it(...)", "Not yet: …"), 0), (EXERCISE * 2, 2)]
)
def test_each_exercise_has_one_block_of_its_own(wrong: str, count: int) -> None:
    (found,) = problems(lesson(exercises=f"{EXERCISES}### 4. Wrong\n\n{wrong}"))
    assert found[1] == f"an exercise must have one block with `exercise`, not {count}"
    assert lesson(exercises=EXERCISES).count("\n") + 1 == found[0]


def test_a_block_fits_on_a_phone_but_for_a_third_of_its_lines() -> None:
    wide, fits = f"x = {'1' * 43}\n", "x = 1\n"
    assert problems(lesson(block(wide + 2 * fits))) == []
    folded = block("x = " + "1" * 41, indent="    ")
    assert "over 44 characters" in problems(lesson('??? note "A"\n\n', folded))[0][1]
    assert problems(lesson("Text.\n\n", block(2 * wide + 3 * fits))) == [
        (10, "more than a third of this block's lines have over 46 characters: break them")
    ]


def test_a_page_that_is_no_lesson_has_no_budgets() -> None:
    assert problems("word\n\n" * 3000 + block("1", "1", "predict: What?") * 10) == []
