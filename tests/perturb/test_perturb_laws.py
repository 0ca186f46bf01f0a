"""The laws that hold of every family: no item dropped, moved or repeated; the same item, the same text, anywhere."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from askeditems import SOURCES, items
from conftest import needs_data
from madeitems import sample

from rveval.errors import Refused
from rveval.perturb import FAMILIES, UNKNOWN, Family, Item, Traits, perturb, problem
from rveval.perturb.family import same_answer

STRANGE = "nobody has said yet that it can be used on a prompt that is not rveval's"
ELSEWHERE = "import sys, test_perturb_laws; sys.stdout.write(test_perturb_laws.digest())"


def applicable(family: str, clean: list[Item]) -> list[Item]:
    return [item for item in clean if not problem(family, item.traits)]


def digest() -> str:
    """What every family makes of the made items."""
    texts = [perturb(applicable(family, sample()), family, seed=3) for family in FAMILIES]
    return hashlib.sha256(repr(texts).encode()).hexdigest()


def test_the_text_is_the_same_in_any_process() -> None:
    here = Path(__file__).parent
    for hash_seed in ("0", "4242"):
        path = os.pathsep.join((str(here), str(here.parent), *filter(None, sys.path)))
        env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        done = subprocess.run([sys.executable, "-c", ELSEWHERE], env=env, capture_output=True, text=True, check=True)
        assert done.stdout == digest()


def assert_same_anywhere(family: str, clean: list[Item]) -> None:
    whole = perturb(clean, family, seed=3, draw=1)
    assert [item.item_id for item in whole] == [item.item_id for item in clean]
    assert perturb(clean[::-1], family, seed=3, draw=1) == whole[::-1]
    assert perturb(clean[7:9], family, seed=3, draw=1) == whole[7:9]


@pytest.mark.parametrize("family", FAMILIES)
def test_made_items_read_the_same_in_any_order_and_subset(family: str) -> None:
    assert_same_anywhere(family, applicable(family, sample()))


@needs_data("gsm8k", "humaneval", "sciq", "bbh")
@pytest.mark.parametrize("family", FAMILIES)
def test_real_items_read_the_same_in_any_order_and_subset(family: str) -> None:
    for source in SOURCES:
        if clean := applicable(family, list(items(source)[:40])):
            assert_same_anywhere(family, clean)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_name_is_lower_case_letters_and_variants_have_a_family(family: str) -> None:
    known = FAMILIES[family]
    assert known.name == family
    assert family.isalpha()
    assert family.islower()
    assert known.version >= 1
    assert known.variant_of in ("", *FAMILIES)


def test_families_stand_in_tables_in_the_order_of_their_ranks() -> None:
    assert list(FAMILIES) == sorted(FAMILIES, key=lambda name: (FAMILIES[name].rank, name))
    assert list(FAMILIES)[:5] == ["think", "thinkprefix", "thinksuffix", "nothink", "rephrase"]
    assert list(FAMILIES)[-3:] == ["hint", "context", "harder"]


def test_a_family_is_kept_off_unknown_prompts_until_it_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Family("toy", "nothing", lambda item, rng, how: item)
    monkeypatch.setitem(FAMILIES, "toy", toy)
    assert problem("toy", UNKNOWN, of="swde") == f"toy does not apply to swde: {STRANGE}"
    assert problem("toy", Traits("story")) == ""


def test_prompts_that_are_kept_as_they_are_take_no_family() -> None:
    for family in FAMILIES:
        assert "kept as they are" in problem(family, Traits("story", "prompt"))
    assert problem("clean", Traits("story", "prompt")) == ""


@pytest.mark.parametrize("field", ["answer", "options", "labels", "gold", "entry_point", "test", "item_id"])
def test_a_family_that_loses_the_answer_is_refused(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    def loses(item: Item, rng: object, how: object) -> Item:
        changed = {name: getattr(item, name) for name in Item.__dataclass_fields__} | {field: ("other",)}
        return Item(**changed)

    monkeypatch.setitem(FAMILIES, "toy", Family("toy", "loses the answer", loses))
    assert same_answer(sample()[0], sample()[0]) == ""
    with pytest.raises(Refused, match="the right answer did not survive"):
        perturb(sample()[:1], "toy")
