"""The files of a description: vector.json (its schema is `FIELDS`), the pictures. Each is whole or not there."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rveval.describe.sums import Measured, Sums, grouped, places, row_of, rows_in_order, total
from rveval.errors import Failed, Problem

SCHEMA_VERSION = 1

FIELDS = {
    "norm": "||alpha v||: v is the vector after scope, layer weights and transforms",
    "vector_norm": "||v||",
    "weights_norm": "||theta|| of the base's weights in the same tensors",
    "relative": "||alpha v|| / ||theta||; null where theta is zero",
    "density": "share of entries of v that are not zero",
    "changed": "share of entries with another value, in the served dtype, than the base's",
    "cosines": "by donor: cos(v, donor - common); null where one of the two is zero",
    "effective_rank": "(sum s^2)^2 / sum s^4 over the singular values of the matrices; null without a matrix, or quick",
    "effective_rank_error": "its standard error; 0 where it is exact",
    "full_rank": "the sum of the matrices' smaller sides",
    "tensors": "how many tensors in scope",
    "entries": "how many entries they have",
}
"""What the numbers of a row mean; kept in the file itself."""


def numbers(sums: Sums, alpha: float, donors: Sequence[str]) -> dict[str, Any]:
    """All numbers of one row, by the names in `FIELDS`."""
    cosines = sums.cosines or [None] * len(donors)
    return {
        "tensors": sums.tensors,
        "entries": sums.entries,
        "norm": sums.norm(alpha),
        "vector_norm": sums.norm(1.0),
        "weights_norm": sums.theta_norm,
        "relative": sums.relative(alpha),
        "density": sums.density,
        "changed": sums.changed_share,
        "cosines": dict(zip(donors, cosines, strict=True)),
        "effective_rank": sums.effective_rank,
        "effective_rank_error": sums.effective_rank_error,
        "full_rank": sums.full_rank,
    }


def measurements(tensors: Sequence[Measured], alpha: float, donors: Sequence[str]) -> dict[str, Any]:
    """The part of vector.json that is measured: by tensor, by row and kind, by row, by kind, and in all."""

    def row(sums: Sums) -> dict[str, Any]:
        return numbers(sums, alpha, donors)

    by_row = grouped(tensors, lambda one: row_of(one.name))
    return {
        "total": row(total(tensors)),
        "kinds": [{"kind": kind, **row(sums)} for kind, sums in grouped(tensors, lambda one: one.kind).items()],
        "layers": [{"row": name, **row(by_row[name])} for name in rows_in_order(one.name for one in tensors)],
        "cells": [{"row": name, "kind": kind, **row(sums)} for (name, kind), sums in places(tensors).items()],
        "tensors": [
            {
                "name": one.name,
                "row": row_of(one.name),
                "layer": one.layer,
                "kind": one.kind,
                "shape": list(one.shape),
                "weight": one.weight,
                **{key: value for key, value in row(one.sums).items() if key != "tensors"},
            }
            for one in tensors
        ],
    }


def document(value: Mapping[str, Any]) -> bytes:
    """A JSON document for machines that people can read; no NaN."""
    known = {"schema_version": SCHEMA_VERSION, "fields": FIELDS, **value}
    return (json.dumps(known, indent=1, ensure_ascii=True, allow_nan=False) + "\n").encode()


def write(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write these files into a folder, each of them aside first; returns where they are.

    Raises:
        Failed: the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / name, data) for name, data in files.items()]
    except OSError as error:
        what = f"can't be written: {error.strerror or error}"
        raise Failed(Problem(what, str(folder), fix="out=FOLDER, a folder that can be written")) from error


def _write(file: Path, data: bytes) -> Path:
    descriptor, aside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-", suffix=".part")
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
        os.chmod(aside, 0o644)
        os.replace(aside, file)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    return file
