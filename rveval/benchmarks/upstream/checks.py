"""What of a task of lm-eval's can't be asked at all, whatever its families: said before an engine starts."""

from __future__ import annotations

from collections.abc import Iterator

from rveval.benchmarks import yaml_files
from rveval.benchmarks.upstream.find import Ref
from rveval.benchmarks.upstream.load import Loaded, demonstrations, demonstrations_from_test, load
from rveval.errors import Problem

DECODING = frozenset({"until", "max_gen_toks", "do_sample", "temperature", "top_p"})
"""The decoding parameters of a task that rveval's engines know."""

GRADED = frozenset(
    (
        *("bleu", "chrf", "ter", "rouge1", "rouge2", "rougeL", "rougeLsum", "f1", "mcc", "brier_score", "likelihood"),
        *("perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "bypass"),
    )
)
"""Metrics that do not say of one answer whether it is right."""


def problems(ref: Ref, *, num_fewshot: int | None, n: int, sandbox: str) -> list[Problem]:
    """Everything that keeps a task from being asked.

    Args:
        ref: the task.
        num_fewshot: demonstrations as the config has them; None for the task's own number.
        n: answers an item.
        sandbox: where the config lets model-written code run.

    Raises:
        Refused: the task can't be built.
    """
    config = yaml_files.read(ref.path)
    where = f"{ref.name}, {ref.path}"
    if "class" in config:
        return [Problem("the task is a Python class, and only tasks in YAML can be wrapped", where=where)]
    if config.get("unsafe_code") and sandbox != "unsafe":
        what, fix = "lm-eval runs model-written code of this task unconfined", "leave it out, or write sandbox=unsafe"
        return [Problem(what, where, "sandbox=unsafe", f"sandbox={sandbox}", fix)]
    loaded = load(ref)
    return [*_of_demonstrations(loaded, where, num_fewshot), *_of_answers(loaded, where, n), *_of_scores(loaded, where)]


def _of_demonstrations(loaded: Loaded, where: str, num_fewshot: int | None) -> Iterator[Problem]:
    shots = loaded.shots if num_fewshot is None else num_fewshot
    if not shots:
        return
    if demonstrations_from_test(loaded):
        what = "demonstrations would come from the test split"
        yield Problem(what, where, "num_fewshot=0, or a fewshot_split", f"num_fewshot={shots}", "set num_fewshot=0")
    elif len(demonstrations(loaded.ref)) < shots:
        found = f"{len(demonstrations(loaded.ref))} to draw from"
        yield Problem("there are fewer demonstrations than asked for", where, str(shots), found, "lower num_fewshot")


def _of_answers(loaded: Loaded, where: str, n: int) -> Iterator[Problem]:
    config = loaded.task.config
    if getattr(loaded.task, "MULTIMODAL", False):
        yield Problem("the task shows images or plays sounds, and rveval asks in text only", where)
    if loaded.kind != "generate_until":
        if n > 1:
            yield Problem("the task scores given texts, so there is nothing to sample", where, "n=1", f"n={n}")
        return
    unknown = sorted(set(config.generation_kwargs or {}) - DECODING)
    if unknown:
        what = f"decoding parameters that rveval's engines do not know: {', '.join(unknown)}"
        yield Problem(what, f"generation_kwargs of {where}", ", ".join(sorted(DECODING)))


def _of_scores(loaded: Loaded, where: str) -> Iterator[Problem]:
    if not right_or_wrong(loaded):
        found = ", ".join(loaded.task.higher_is_better()) or "none"
        yield Problem(
            "no metric of the task says of one answer whether it is right", where, "such as exact_match", found
        )


def right_or_wrong(loaded: Loaded) -> list[str]:
    """The task's metrics that may decide whether an answer is right, in its order."""
    return [name for name, better in loaded.task.higher_is_better().items() if better and name not in GRADED]
