"""A family whose output changed has another version: hashes of what every family makes of made items are on record.

    PYTHONPATH=tests python tests/perturb/test_perturb_versions.py

records a new family, or a changed one whose version was raised.

A cell is known by the versions of its families, so a text that changed under an old version would be compared with
answers to another text.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from madeitems import sample

from rveval.perturb import FAMILIES, Item, perturb, problem

AGAIN = "record again with PYTHONPATH=tests python tests/perturb/test_perturb_versions.py"
RECORD = Path(__file__).with_name("family_versions.json")


def state(family: str) -> dict[str, object]:
    """The family's version, and sha256 over what it makes of the items that it applies to.

    In three draws and two strengths; without the reasons why an item was left alone, which no prompt holds.
    """
    items = [item for item in sample() if not problem(family, item.traits)]
    made = [perturb(items, family, draw=draw) for draw in range(3)]
    if FAMILIES[family].has_strength:
        made += [perturb(items, family, strength=strength) for strength in (0.2, 1.0)]
    fields = [field for field in Item.__dataclass_fields__ if field not in ("traits", "left_alone")]
    texts = [[getattr(item, field) for field in fields] for one_draw in made for item in one_draw]
    return {"version": FAMILIES[family].version, "sha256": hashlib.sha256(json.dumps(texts).encode()).hexdigest()}


def complaint(family: str, now: dict[str, object], known: dict[str, object] | None) -> str:
    """What is wrong with a family's version; "" where nothing is."""
    if known is None:
        return f"{family} is not on record: {AGAIN}"
    if now == known:
        return ""
    if now["version"] == known["version"]:
        return f"output of {family} changed: raise its version and {AGAIN}"
    return f"version of {family} changed: {AGAIN}"


def recorded() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_output_that_changed_has_another_version(family: str) -> None:
    assert complaint(family, state(family), recorded().get(family)) == ""


def test_the_record_holds_no_family_that_there_is_not() -> None:
    assert set(recorded()) == set(FAMILIES), AGAIN


def test_a_change_under_an_old_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = state("nothink")
    other = replace(FAMILIES["nothink"], change=lambda item, rng, how: replace(item, before=(*item.before, "Now.")))
    monkeypatch.setitem(FAMILIES, "nothink", other)
    assert "output of nothink changed: raise its version and record again" in complaint(
        "nothink", state("nothink"), known
    )
    monkeypatch.setitem(FAMILIES, "nothink", replace(other, version=other.version + 1))
    assert "version of nothink changed: record again" in complaint("nothink", state("nothink"), known)
    assert "not on record" in complaint("nothink", known, None)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_set_of_traits_that_a_family_applies_to_is_changed_in_the_sample(family: str) -> None:
    items = [item for item in sample() if not problem(family, item.traits)]
    changed = [after for before, after in zip(items, perturb(items, family, draw=1), strict=True) if after != before]
    assert {item.traits for item in changed} == {item.traits for item in items}


def record() -> None:
    """Write the record, unless output changed under a version that is on record already."""
    old = recorded() if RECORD.exists() else {}
    new = {family: state(family) for family in FAMILIES}
    if wrong := [
        why for family in new if "output" in (why := complaint(family, new[family], old.get(family, new[family])))
    ]:
        raise SystemExit("\n".join(wrong))
    RECORD.write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
