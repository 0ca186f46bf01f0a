"""The typed config: what every key may be, and all problems of a config reported at once.

    checks      what a value may be
    vector      where a vector comes from, its scope, its transforms
    sections    model, suite, engine, tracking
    config      one run as a whole: `parse`, `resolved`, `register`

Hydra composes plain values (`register` gives it the tree of keys, so that it knows them all); `parse` turns them into
frozen dataclasses, or raises one `Refused` that names every problem. The types are read here and not by OmegaConf,
which stops at the first wrong value and has no words for ranges.
"""

from __future__ import annotations

from rveval.config.config import Config, Sandbox, config_dir, defaults, known_keys, parse, register, resolved
from rveval.config.sections import Dtype, EngineConfig, ModelConfig, SuiteConfig, TrackingConfig
from rveval.config.vector import Source, Term, Transform, VectorConfig

__all__ = [
    "Config",
    "Dtype",
    "EngineConfig",
    "ModelConfig",
    "Sandbox",
    "Source",
    "SuiteConfig",
    "Term",
    "TrackingConfig",
    "Transform",
    "VectorConfig",
    "config_dir",
    "defaults",
    "known_keys",
    "parse",
    "register",
    "resolved",
]
