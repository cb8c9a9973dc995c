"""The checks of the lessons' exercises, a file for each lesson.

A check prints `Right.`, or what is wrong with the answer and where to look. It never shows the answer.
"""

from lessons_src.exercises.linear_regression import check_my_fit as check_my_fit
from lessons_src.exercises.linear_regression import check_repaired as check_repaired
from lessons_src.exercises.linear_regression import check_updates_until as check_updates_until
from lessons_src.exercises.linear_regression import check_weighted_fit as check_weighted_fit
from lessons_src.exercises.updates import check_diagnoses as check_diagnoses
from lessons_src.exercises.updates import check_evaluate as check_evaluate
from lessons_src.exercises.updates import check_mean_loss as check_mean_loss
from lessons_src.exercises.updates import check_step as check_step
