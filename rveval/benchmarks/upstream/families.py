"""Which families a task of lm-eval's can be put under, and why not the others.

A task that is not ours says nothing of what its prompt is made of (`perturb.UNKNOWN`): a family applies where it needs
to know nothing of it but that it is a question, or where the options can be read off the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

from rveval import perturb
from rveval.benchmarks import yaml_files
from rveval.benchmarks.upstream import options
from rveval.benchmarks.upstream.documents import PROBED, documents
from rveval.benchmarks.upstream.find import Ref
from rveval.benchmarks.upstream.load import Loaded, load


def why_not(ref: Ref, families: str, num_fewshot: int | None) -> str:
    """Why a task can't be put under these families; "" where it can.

    Args:
        ref: the task.
        families: "clean", one family, or several joined by "+".
        num_fewshot: demonstrations as the config has them; None for the task's own number.

    Raises:
        Refused: the task can't be built.
    """
    asked = perturb.names(families)
    if why := perturb.problem(families, perturb.UNKNOWN, of=ref.name):
        return why
    config = yaml_files.read(ref.path)
    if not asked or "class" in config or config.get("unsafe_code"):
        return ""  # what can't be built, or only where the config allows it, `checks.problems` says
    loaded = load(ref)
    shots = loaded.shots if num_fewshot is None else num_fewshot
    for name in asked:
        if why := _why_not(loaded, perturb.FAMILIES[name], shots):
            return f"{name} does not apply to {ref.name}: {why}"
    return _tried(loaded, families)


def _why_not(loaded: Loaded, family: perturb.Family, shots: int) -> str:
    if family.decides in ("order", "labels"):
        return _not_on_options(loaded, family, shots)
    if loaded.kind != "generate_until":
        return "it scores given texts and generates none; a change of the prompt is for tasks that generate"
    if family.steps == "forbids":
        if shots:
            return f"{family.name} asks for no steps, and the demonstrations may show steps; set num_fewshot=0"
        if has_cue(loaded):
            return "its own prompt asks for steps"
    return ""


def _not_on_options(loaded: Loaded, family: perturb.Family, shots: int) -> str:
    if callable(loaded.task.config.process_results):
        return "its own process_results may read the right answer from anywhere"
    if loaded.kind not in ("multiple_choice", "generate_until") or loaded.task.multiple_input:
        return options.NO_FIELD
    probed = [options.shown(loaded, doc) for doc in loaded.docs[:PROBED]]
    found = [one for one in probed if isinstance(one, options.Shown)]
    if not found:
        return str(probed[0])
    if family.decides == "labels":
        if loaded.kind == "generate_until" and any(one.says != "text" for one in found):
            return "its filters look for the labels that it has"
        if shots:
            return "the demonstrations have the labels that it has; set num_fewshot=0"
    return ""


def has_cue(loaded: Loaded) -> bool:
    """Whether the task's own prompt asks to reason step by step."""
    texts = [str(loaded.task.config.description or ""), str(loaded.task.config.gen_prefix or "")]
    texts += [loaded.prompt(doc) for doc in loaded.docs[:PROBED]]
    return any("step by step" in text.lower() for text in texts)


def _tried(loaded: Loaded, families: str) -> str:
    """Why the families do not work on the first items; "" where they do."""
    made = documents(loaded.ref, families, limit=PROBED)
    if not any(doc["rv_changed"] for doc in made):
        reasons = ", ".join(dict.fromkeys(str(doc["rv_left_alone"]) for doc in made)) or "they read as before"
        return f"{families} changes none of the first {len(made)} items of {loaded.ref.name}: {reasons}"
    return ""


def remarks(loaded: Loaded, families: Sequence[str], sandbox: str) -> list[str]:
    """What a reader of the task's numbers must know."""
    found = []
    if loaded.task.config.unsafe_code and sandbox == "unsafe":
        found.append("sandbox=unsafe: lm-eval ran model-written code unconfined")
    if families:
        named = ", ".join(families)
        found.append(f"labels of wrapped tasks are assumed to survive: nobody has checked {named} on {loaded.ref.name}")
    if has_cue(loaded):
        found.append(
            f"{loaded.ref.name}'s own prompt asks to think step by step: its clean prompt is not free of a cue"
        )
    return found
