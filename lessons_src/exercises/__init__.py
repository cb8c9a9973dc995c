"""The checks of the lessons' exercises, a file for each lesson.

A check prints `Right.`, or what is wrong with the answer and where to look. It never shows the answer.
"""

from lessons_src.exercises.accumulation import check_backward as check_backward
from lessons_src.exercises.accumulation import check_momentum as check_momentum
from lessons_src.exercises.accumulation import check_sums as check_sums
from lessons_src.exercises.accumulation import check_values as check_values
from lessons_src.exercises.accumulation import check_weights as check_weights
