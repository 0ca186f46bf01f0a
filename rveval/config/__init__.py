"""The typed config: what every key may be, all problems of a config at once, and the points of a sweep.

values     types of values, with the words for them
keys       every key with its type, default and line of help
reading    a composed tree -> `Config`, or one `Refused` that names every problem
words      one word of a command line, and what is wrong with it
compose    a command line -> the config of every point of its sweep
helping    the text of `--help`
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rveval.config.compose import Point, composed, points, register
from rveval.config.helping import help_text
from rveval.config.keys import (
    Config,
    Dtype,
    EngineConfig,
    ModelConfig,
    Sandbox,
    Source,
    SuiteConfig,
    Term,
    TrackingConfig,
    VectorConfig,
    WorkersConfig,
    defaults,
    known_keys,
)
from rveval.config.reading import parse
from rveval.config.words import config_dir

__all__ = [
    "Config",
    "Dtype",
    "EngineConfig",
    "ModelConfig",
    "Point",
    "Sandbox",
    "Source",
    "SuiteConfig",
    "Term",
    "TrackingConfig",
    "VectorConfig",
    "WorkersConfig",
    "composed",
    "config_dir",
    "defaults",
    "help_text",
    "known_keys",
    "parse",
    "points",
    "register",
    "resolved",
]


def resolved(config: Config) -> dict[str, Any]:
    """The config as plain values that JSON can hold."""
    return asdict(config)
