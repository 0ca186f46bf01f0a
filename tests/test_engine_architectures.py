"""Every architecture, through a session: whatever way it chooses, its answers equal a cold load from disk exactly.

The package knows no list of architectures; this test does. The two that the rest of the suite leaves out run by
default, all others are slow. Tied Qwen2 is test_engine_swap's.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from engines import CONFIG, Asked, Models, ask, once

from rveval.engine.session import Session
from rveval.engine.vllm import VllmEngine

slow = pytest.mark.slow
SHAPES = [
    pytest.param("qwen2", False, id="qwen2-untied"),
    pytest.param("qwen3_moe", False, id="qwen3_moe"),
    pytest.param("mixtral", False, id="mixtral", marks=slow),
    pytest.param("qwen2", True, id="qwen2-tied", marks=slow),
    pytest.param("llama", True, id="llama-tied", marks=slow),
    pytest.param("llama", False, id="llama-untied", marks=slow),
    pytest.param("qwen3", True, id="qwen3-tied", marks=slow),
    pytest.param("qwen3", False, id="qwen3-untied", marks=slow),
    pytest.param("mistral", False, id="mistral", marks=slow),
    pytest.param("gemma3", True, id="gemma3", marks=slow),
]
MIXTURES = ("mixtral", "qwen3_moe")


def served(models: Models, log: Path) -> tuple[dict[str, Asked], set[str], list[str]]:
    """Variant, another, the base and the variant again from one session; how each was served, and the warnings."""
    session = Session(log)
    found, how, warnings = {}, set(), []
    steps = {"there": 0.7, "other": -1.0, "base": 0.0, "again": 0.7}
    try:
        for name, alpha in steps.items():
            answer = session.serve(models.variant(alpha), CONFIG, swaps=True)
            found[name] = ask(answer.engine)
            how.add(answer.how)
            warnings += answer.warnings
    finally:
        session.close()
    return found, how, warnings


@pytest.mark.parametrize(("arch", "tied"), SHAPES)
def test_served_variants_equal_cold_loads(arch: str, tied: bool, tmp_path: Path, record_property) -> None:
    models = Models.make(tmp_path, arch=arch, tied=tied)
    log = tmp_path / "engine.log"
    found, how, warnings = served(models, log)
    record_property("how", sorted(how))
    assert len(how) == 1
    if arch not in MIXTURES:
        assert how == {"hot"}
        assert not warnings
    if how == {"fresh"}:
        # Three variants, each said to have an engine of its own.
        assert len(warnings) == 3
        assert all("hot swaps do not work here" in warning for warning in warnings)
    cold = models.cold(models.variant(), log)
    assert found["there"] == cold
    assert found["again"] == cold
    assert found["base"] != cold
    assert found["other"] not in (cold, found["base"])
    if how == {"hot"}:
        # Where it is not hot, this is what was served above.
        assert once(VllmEngine(models.variant(), CONFIG, log)) == cold


@slow
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(("arch", "tied"), [("qwen2", True), ("qwen3_moe", False)])
def test_in_another_type_than_it_is_stored_in(arch: str, tied: bool, dtype: str, tmp_path: Path) -> None:
    """A bfloat16 checkpoint served in float32 or float16: computed in the type it is served in, rounded once."""
    models = Models.make(tmp_path, arch=arch, tied=tied)
    log = tmp_path / "engine.log"
    session = Session(log)
    try:
        answer = session.serve(models.variant(dtype=dtype), CONFIG, swaps=True)
        found = ask(answer.engine)
        assert answer.engine.describe()["dtype"] == dtype
    finally:
        session.close()
    assert found == models.cold(models.variant(dtype=dtype), log)
