"""The checks of the lessons' exercises, a file for each lesson.

A check prints `Right.`, or what is wrong with the answer and where to look. It never shows the answer.
"""

from lessons_src.exercises.gradients import (
    check_curvatures,
    check_diagnose,
    check_nudged,
    check_safe_root,
    check_slope_in_b,
)
from lessons_src.exercises.loss import check_bread_loss, check_fit_matrix, check_from_scores, check_middles

__all__ = [
    "check_bread_loss",
    "check_curvatures",
    "check_diagnose",
    "check_fit_matrix",
    "check_from_scores",
    "check_middles",
    "check_nudged",
    "check_safe_root",
    "check_slope_in_b",
]
from lessons_src.exercises.network import check_all_learn as check_all_learn
from lessons_src.exercises.network import check_arms as check_arms
from lessons_src.exercises.network import check_count as check_count
from lessons_src.exercises.network import check_sgd as check_sgd
from lessons_src.exercises.optimisation import check_diverges as check_diverges
from lessons_src.exercises.optimisation import check_land as check_land
from lessons_src.exercises.optimisation import check_one_epoch as check_one_epoch
from lessons_src.exercises.optimisation import check_rescale as check_rescale
from lessons_src.exercises.linear_regression import check_my_fit as check_my_fit
from lessons_src.exercises.linear_regression import check_repaired_loop as check_repaired_loop
from lessons_src.exercises.linear_regression import check_updates_until as check_updates_until
from lessons_src.exercises.linear_regression import check_weighted_fit as check_weighted_fit
from lessons_src.exercises.updates import check_diagnoses as check_diagnoses
from lessons_src.exercises.updates import check_evaluate as check_evaluate
from lessons_src.exercises.updates import check_mean_loss as check_mean_loss
from lessons_src.exercises.updates import check_step as check_step
from lessons_src.exercises.accumulation import check_backward as check_backward
from lessons_src.exercises.accumulation import check_momentum as check_momentum
from lessons_src.exercises.accumulation import check_sums as check_sums
from lessons_src.exercises.accumulation import check_values as check_values
from lessons_src.exercises.accumulation import check_weights as check_weights
from lessons_src.exercises.leaves import check_formula as check_formula
from lessons_src.exercises.leaves import check_reconnected as check_reconnected
from lessons_src.exercises.leaves import check_start as check_start
from lessons_src.exercises.leaves import check_table as check_table
from lessons_src.exercises.walks import check_depth as check_depth
from lessons_src.exercises.walks import check_kinds as check_kinds
from lessons_src.exercises.walks import check_lost as check_lost
from lessons_src.exercises.walks import check_way as check_way
from lessons_src.exercises.first_demos import check_border as check_border
from lessons_src.exercises.first_demos import check_circle as check_circle
from lessons_src.exercises.first_demos import check_descend as check_descend
from lessons_src.exercises.first_demos import check_hoop as check_hoop
from lessons_src.exercises.first_demos import check_repair_misfit as check_repair_misfit
