"""The checks of the lessons' exercises, a file for each lesson.

A check prints `Right.`, or what is wrong with the answer and where to look. It never shows the answer.
"""

from lessons_src.exercises.computational_graph import (
    check_formula,
    check_reconnected,
    check_start,
    check_table,
)
from lessons_src.exercises.first_demos import (
    check_border,
    check_circle,
    check_descend,
    check_hoop,
    check_repair_misfit,
)
from lessons_src.exercises.grad_accumulates import (
    check_backward,
    check_momentum,
    check_sums,
    check_values,
    check_weights,
)
from lessons_src.exercises.gradients import (
    check_curvatures,
    check_diagnose,
    check_nudged,
    check_safe_root,
    check_slope_in_b,
)
from lessons_src.exercises.linear_regression import (
    check_my_fit,
    check_updates_until,
    check_weighted_fit,
)
from lessons_src.exercises.loss import check_bread_loss, check_fit_matrix, check_from_scores, check_middles
from lessons_src.exercises.network import check_all_learn, check_arms, check_count, check_sgd
from lessons_src.exercises.no_grad import check_diagnoses, check_evaluate, check_mean_loss, check_step
from lessons_src.exercises.optimisation import (
    check_diverges,
    check_land,
    check_limit,
    check_one_epoch,
    check_rescale,
)
from lessons_src.exercises.recursive_functions import (
    check_depth,
    check_kinds,
    check_lost,
    check_shapes,
    check_way,
)

__all__ = [
    "check_all_learn",
    "check_arms",
    "check_backward",
    "check_border",
    "check_bread_loss",
    "check_circle",
    "check_count",
    "check_curvatures",
    "check_depth",
    "check_descend",
    "check_diagnose",
    "check_diagnoses",
    "check_diverges",
    "check_evaluate",
    "check_fit_matrix",
    "check_formula",
    "check_from_scores",
    "check_hoop",
    "check_kinds",
    "check_land",
    "check_limit",
    "check_lost",
    "check_mean_loss",
    "check_middles",
    "check_momentum",
    "check_my_fit",
    "check_nudged",
    "check_one_epoch",
    "check_reconnected",
    "check_repair_misfit",
    "check_rescale",
    "check_safe_root",
    "check_sgd",
    "check_shapes",
    "check_slope_in_b",
    "check_start",
    "check_step",
    "check_sums",
    "check_table",
    "check_updates_until",
    "check_values",
    "check_way",
    "check_weighted_fit",
    "check_weights",
]
