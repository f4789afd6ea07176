"""The splits of the synthetic data: streams of random numbers that share no subjects, poses or views.

In: nothing. Out: the number of each split, the first number of every seed that synthetic hands are drawn from.
"""

from __future__ import annotations

TRAINING_SPLIT = 0
"""What networks are trained on."""
VALIDATION_SPLIT = 1
"""What a training run watches, and what evaluation measures networks on."""
CHOICE_SPLIT = 2
"""What weights and thresholds are chosen on."""
REPORT_SPLIT = 3
"""What published figures are measured on."""
MOTION_SPLIT = 7
"""The people of ``synthetic.motion``, and the crops that ``tools/measure_negatives.py`` measures."""
SEQUENCE_SPLIT = 8
"""The people of ``synthetic.sequence_renderer``."""
