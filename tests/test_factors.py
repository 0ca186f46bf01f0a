"""Factors on disk: what is kept is found by another store, a spoilt file counts as none, and there are bounds."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
import torch

from rveval.vectors import Displacement, Place, Step, difference, transformed
from rveval.vectors.factors import FactorStore


def values(seed: int = 0, size: int = 100) -> torch.Tensor:
    return torch.randn(size, 3, generator=torch.Generator().manual_seed(seed))


def test_another_store_finds_it(tmp_path: Path) -> None:
    FactorStore(tmp_path).keep_factors("a", values())
    found = FactorStore(tmp_path).recall("a")
    assert found is not None
    assert torch.equal(found, values())
    assert FactorStore(tmp_path).recall("b") is None
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


def test_an_empty_key_is_never_kept(tmp_path: Path) -> None:
    store = FactorStore(tmp_path)
    store.keep("", values())
    store.keep_factors("", values())
    assert store.recall("") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"spoilt", None], ids=["empty", "noise", "cut off"])
def test_a_spoilt_file_counts_as_none(tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture) -> None:
    store = FactorStore(tmp_path)
    store.keep_factors("a", values())
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    with caplog.at_level(logging.WARNING):
        assert store.recall("a") is None
    assert "ignored" in caplog.text
    store.keep_factors("a", values())
    assert store.recall("a") is not None


def test_a_file_under_another_name_is_not_taken(tmp_path: Path) -> None:
    store = FactorStore(tmp_path)
    store.keep_factors("a", values())
    (first,) = tmp_path.iterdir()
    store.keep_factors("b", values(1))
    (second,) = set(tmp_path.iterdir()) - {first}
    os.replace(second, first)
    assert store.recall("a") is None


def test_the_ones_not_used_for_longest_go(tmp_path: Path) -> None:
    store = FactorStore(tmp_path, limit=5 * 1400)
    for number in range(4):
        store.keep_factors(str(number), values(number))
        for path in tmp_path.iterdir():
            os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - 10**9))
    assert store.recall("0") is not None
    store.keep_factors("4", values(4))
    store.keep_factors("5", values(5))
    left = [number for number in range(6) if store.recall(str(number)) is not None]
    assert left == [0, 2, 3, 4, 5]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5 * 1400


def test_what_is_larger_than_all_is_not_kept(tmp_path: Path) -> None:
    store = FactorStore(tmp_path, limit=1000)
    store.keep_factors("a", values())
    assert store.recall("a") is None
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_it_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    store = FactorStore(tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        store.keep_factors("a", values())
        assert store.recall("a") is None
    assert "not remembered" in caplog.text


def test_small_values_have_a_bound(tmp_path: Path) -> None:
    store = FactorStore(tmp_path, memory=5 * 1200)
    for number in range(5):
        store.keep(str(number), values(number))
    store.keep("1", values(11))
    assert store.recall("0") is not None
    store.keep("5", values(5))
    found = {key: store.recall(key) for key in "012345"}
    assert [key for key, value in found.items() if value is None] == ["2"]
    assert found["1"] is not None
    assert torch.equal(found["1"], values(11))
    assert list(tmp_path.iterdir()) == []


def test_it_lies_under_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path))
    FactorStore().keep_factors("a", values())
    assert len(list((tmp_path / "factors").glob("*.safetensors"))) == 1


@pytest.mark.parametrize("shape", [(500, 30), (30, 500), (40, 30), (30, 40)], ids=str)
@pytest.mark.parametrize("step", [Step("spectrum", seed=1), Step("rank", rank=3)], ids=str)
def test_transforms_made_of_found_factors_are_the_same(tmp_path: Path, step: Step, shape: tuple[int, int]) -> None:
    delta = difference(torch.randn(shape, generator=torch.Generator().manual_seed(1)), None, "x")
    made = [
        transformed([Displacement(delta)], [step], Place("w", memo=FactorStore(tmp_path)))[0].delta.whole()
        for _ in range(2)
    ]
    assert torch.equal(*made)
    assert len(list(tmp_path.iterdir())) == 1
