"""Tasks that exist in lm-eval or in a user's own folder, wrapped: found by name, built, put under families, scored.

Nothing of such a task is ours, so its labels under a family are assumed to survive and not proved to; what can't be
applied soundly to a prompt whose parts nobody has named is refused with the reason.
"""

from __future__ import annotations

from rveval.benchmarks.upstream.asking import task
from rveval.benchmarks.upstream.checks import DECODING, problems
from rveval.benchmarks.upstream.documents import documents
from rveval.benchmarks.upstream.families import remarks, why_not
from rveval.benchmarks.upstream.find import Ref, find, user_tasks
from rveval.benchmarks.upstream.load import Loaded, data_hash, demonstrations, demonstrations_hash, load
from rveval.benchmarks.upstream.score import likeliest, not_kept, score, scored_by
from rveval.benchmarks.yaml_files import content_hash

__all__ = [
    "DECODING",
    "Loaded",
    "Ref",
    "content_hash",
    "data_hash",
    "demonstrations",
    "demonstrations_hash",
    "documents",
    "find",
    "likeliest",
    "load",
    "not_kept",
    "problems",
    "remarks",
    "score",
    "scored_by",
    "task",
    "user_tasks",
    "why_not",
]
