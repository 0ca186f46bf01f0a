"""Arrays in, small dataclasses out: the statistics behind every verdict.

Formula and source stand in each docstring; the distributions are scipy's and Wilson's interval statsmodels'. Rows are
paired by their place: whoever calls has put them in the order of the item ids. Numbers are shares, not points. Every
dataclass goes through `dataclasses.asdict` into JSON. scripts/check_stats.py shows that what is promised holds.
"""

from rveval.stats.cell import EDGE, LEVEL, Interval, accuracy, edge, pass_at_k
from rveval.stats.claims import Judgement, judge
from rveval.stats.clusters import Effect, Pooled, clustered, pooled, ratio
from rveval.stats.controls import NoiseFloor, Nulls, noise_floor, nulls, nulls_needed
from rveval.stats.doses import BestAlpha, Dose, DoseResponse, best_alpha, dose_response
from rveval.stats.factors import Additivity, Factorial, additivity, factorial
from rveval.stats.multiplicity import Corrected, holm
from rveval.stats.pairs import POWER, Paired, detectable, mcnemar, paired, power
from rveval.stats.robust import Drop, Robustness, drop, drop_rate, robustness, worst_case
from rveval.stats.survive import Survival, bootstrapped, survival

__all__ = [
    "EDGE",
    "LEVEL",
    "POWER",
    "Additivity",
    "BestAlpha",
    "Corrected",
    "Dose",
    "DoseResponse",
    "Drop",
    "Effect",
    "Factorial",
    "Interval",
    "Judgement",
    "NoiseFloor",
    "Nulls",
    "Paired",
    "Pooled",
    "Robustness",
    "Survival",
    "accuracy",
    "additivity",
    "best_alpha",
    "bootstrapped",
    "clustered",
    "detectable",
    "dose_response",
    "drop",
    "drop_rate",
    "edge",
    "factorial",
    "holm",
    "judge",
    "mcnemar",
    "noise_floor",
    "nulls",
    "nulls_needed",
    "paired",
    "pass_at_k",
    "pooled",
    "power",
    "ratio",
    "robustness",
    "survival",
    "worst_case",
]
