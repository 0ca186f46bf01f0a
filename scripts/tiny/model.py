"""The shape of the models, and how a checkpoint is written to and read from a folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, Qwen2Config, Qwen2ForCausalLM

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
POSITIONS = 1024
# Constructors and moves of transformers are untyped or wrapped beyond what mypy follows.
_new_model = cast(Any, Qwen2ForCausalLM)
_new_generation = cast(Any, GenerationConfig)


def new_model(vocabulary: int, pad: int, eos: int, seed: int) -> Qwen2ForCausalLM:
    """A randomly initialised model; head_dim 32 because vLLM's CPU attention refuses 16 and 24."""
    config = Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=96,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=3,
        num_key_value_heads=1,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
        initializer_range=0.05,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        pad_token_id=pad,
        bos_token_id=None,
        eos_token_id=eos,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return cast(Qwen2ForCausalLM, _new_model(config))


def moved(model: Qwen2ForCausalLM, where: str | torch.dtype) -> Qwen2ForCausalLM:
    """The model on another device or in another type."""
    return cast(Qwen2ForCausalLM, cast(Any, model).to(where))


def save_checkpoint(model: Qwen2ForCausalLM, folder: Path, tokenizer_from: Path) -> None:
    """Write the model as bf16 safetensors with greedy generation settings and the family's tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = cast(Qwen2ForCausalLM, _new_model(model.config))
    copy.load_state_dict(model.state_dict())
    copy = moved(copy, torch.bfloat16)
    copy.config.use_cache = True
    copy.generation_config = _new_generation(
        do_sample=False, pad_token_id=model.config.pad_token_id, eos_token_id=model.config.eos_token_id
    )
    copy.save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copyfile(tokenizer_from / name, folder / name)


def load_checkpoint(folder: Path, device: str = "cpu") -> Qwen2ForCausalLM:
    """Read a checkpoint to compute in fp32 (its weights stay the bf16 values)."""
    return moved(cast(Qwen2ForCausalLM, AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)), device)
