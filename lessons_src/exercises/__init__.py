"""The checks of the lessons' exercises, a file for each lesson.

A check prints `Right.`, or what is wrong with the answer and where to look. It never shows the answer.
"""

from lessons_src.exercises.first_demos import check_border as check_border
from lessons_src.exercises.first_demos import check_circle as check_circle
from lessons_src.exercises.first_demos import check_descend as check_descend
from lessons_src.exercises.first_demos import check_hoop as check_hoop
from lessons_src.exercises.first_demos import check_repair_misfit as check_repair_misfit
