"""Stored cells -> what they say: each variant of a study with its intervals, and against its baseline, item by item.

    build      studies -> `Report`: the findings, the verdict, summary.json
    pieces     what a finding is made of: numbers, sentences, tables; `pictures` are plain data too
    study      the cells laid out, variants as lines and tasks as columns (`layout`, `marks` and `ways` read them)
    analysis   what findings are computed from, and where they register

Every other file is one finding (`nulls`, `survival`, ...) with what it computes, says, tabulates and draws; to add one
is to add its file. `wording` writes numbers in sentences, `items` the files that the page's item viewer loads.
"""

from __future__ import annotations

from rveval.findings import wording
from rveval.findings.build import build
from rveval.findings.claims import check as check_claims
from rveval.findings.end_table import end_table
from rveval.findings.pictures import Bars, Choice, Curve, Forest, Heat, Panel, Picture, Strip
from rveval.findings.pieces import (
    Column,
    Finding,
    Interval,
    ItemsLink,
    Outcome,
    Points,
    PValue,
    Row,
    Score,
    Share,
    Statement,
    Table,
    Value,
)
from rveval.findings.report import SCHEMA_VERSION, Report
from rveval.findings.study import Reader, Study

__all__ = [
    "SCHEMA_VERSION",
    "Bars",
    "Choice",
    "Column",
    "Curve",
    "Finding",
    "Forest",
    "Heat",
    "Interval",
    "ItemsLink",
    "Outcome",
    "PValue",
    "Panel",
    "Picture",
    "Points",
    "Reader",
    "Report",
    "Row",
    "Score",
    "Share",
    "Statement",
    "Strip",
    "Study",
    "Table",
    "Value",
    "build",
    "check_claims",
    "end_table",
    "wording",
]
