"""The checks of the lessons' exercises, a file for each lesson.

A check prints `Right.`, or what is wrong with the answer and where to look. It never shows the answer.
"""

from lessons_src.exercises.leaves import check_formula as check_formula
from lessons_src.exercises.leaves import check_reconnected as check_reconnected
from lessons_src.exercises.leaves import check_start as check_start
from lessons_src.exercises.leaves import check_table as check_table
from lessons_src.exercises.walks import check_depth as check_depth
from lessons_src.exercises.walks import check_kinds as check_kinds
from lessons_src.exercises.walks import check_lost as check_lost
from lessons_src.exercises.walks import check_way as check_way
