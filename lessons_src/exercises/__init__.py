"""The checks of the lessons' exercises, a file for each lesson.

A check prints `Right.`, or what is wrong with the answer and where to look. It never shows the answer.
"""

from lessons_src.exercises.network import check_all_learn as check_all_learn
from lessons_src.exercises.network import check_arms as check_arms
from lessons_src.exercises.network import check_count as check_count
from lessons_src.exercises.network import check_sgd as check_sgd
from lessons_src.exercises.optimisation import check_diverges as check_diverges
from lessons_src.exercises.optimisation import check_land as check_land
from lessons_src.exercises.optimisation import check_one_epoch as check_one_epoch
from lessons_src.exercises.optimisation import check_rescale as check_rescale
