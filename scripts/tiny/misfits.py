"""Donors that fit their base less and less, to see what is refused and what forcing it does.

    python scripts/tiny/misfits.py FOLDER [--plus CHECKPOINT] [--minus CHECKPOINT]

writes FOLDER/NAME/{plus,minus} for every NAME, each a step further from compatible than the one before:

    tensor        one tensor in the middle has another name
    tokenizer     as many tokens, but two thirds of them have other ids, and the rows of embedding and head with them
    vocabulary    64 tokens more, and rows for them
    hidden_size   one attention head wider, in every tensor that has the hidden width
    architecture  as if of another family: another name in its config, biases gone (or there, where there were none)

A real donor of another kind differs in more than this: its numbers come from another start, which the gate sees.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import torch
from safetensors.torch import load_file, save_file

TINY = Path(__file__).resolve().parent.parent.parent / "rveval" / "tiny" / "models"
MORE_TOKENS = 64
MOVED = 2 / 3
Tensors = dict[str, torch.Tensor]
Change = Callable[[Tensors, dict[str, Any], dict[str, Any]], None]
"""Changes tensors, config.json and tokenizer.json in place."""


def write(donor: Path, folder: Path, misfit: str) -> Path:
    """Write a copy of a checkpoint (one file of weights, tokenizer.json) that fits less.

    Args:
        donor: what is copied.
        folder: made.
        misfit: one of `MISFITS`.
    """
    shutil.copytree(donor, folder)
    tensors = load_file(folder / "model.safetensors")
    config, tokenizer = (json.loads((folder / name).read_text()) for name in ("config.json", "tokenizer.json"))
    MISFITS[misfit](tensors, config, tokenizer)
    tensors = {name: tensor.contiguous() for name, tensor in sorted(tensors.items())}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


def _tensor(tensors: Tensors, config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    inside = sorted(name for name in tensors if ".layers." in name and tensors[name].ndim == 2)
    middle = inside[len(inside) // 2]
    stem, _, last = middle.rpartition(".")
    tensors[f"{stem}_renamed.{last}"] = tensors.pop(middle)


def _tokenizer(tensors: Tensors, config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    """Two thirds of the rows, drawn once for all, change places in a circle; tokens go where their rows go."""
    rows = next(len(tensor) for name, tensor in tensors.items() if _has_rows(name))
    moved = Random(f"rveval misfit tokenizer {rows}").sample(range(rows), round(rows * MOVED))
    sources = list(range(rows))
    for source, row in zip(moved, [*moved[1:], *moved[:1]], strict=True):
        sources[row] = source
    for name in filter(_has_rows, tensors):
        tensors[name] = tensors[name][torch.tensor(sources)]
    place = {source: row for row, source in enumerate(sources)}
    vocab = tokenizer["model"]["vocab"]
    vocab.update({token: place[row] for token, row in vocab.items()})
    for token in tokenizer["added_tokens"]:
        token["id"] = place[token["id"]]


def _vocabulary(tensors: Tensors, config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    rows = config["vocab_size"]
    for name in filter(_has_rows, tensors):
        tensors[name] = _padded(tensors[name], (rows + MORE_TOKENS, *tensors[name].shape[1:]))
    config["vocab_size"] = rows + MORE_TOKENS
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer["added_tokens"] += [
        {"id": rows + number, "content": f"<|misfit_{number}|>", **flags} for number in range(MORE_TOKENS)
    ]


def _hidden_size(tensors: Tensors, config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    width, heads = config["hidden_size"], config["num_attention_heads"]
    more = config.get("head_dim") or width // heads
    for name, tensor in tensors.items():
        tensors[name] = _padded(tensor, tuple(size + more if size == width else size for size in tensor.shape))
    grown = heads + 1 if heads * more == width else heads
    config |= {"hidden_size": width + more, "head_dim": more, "num_attention_heads": grown}


def _architecture(tensors: Tensors, config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    """Llama, or Qwen2 where it is Llama: the two differ in the biases of attention."""
    if config["model_type"] == "llama":
        config |= {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}
        attention = [name for name in tensors if name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight"))]
        for name in attention:
            tensors[f"{name.removesuffix('weight')}bias"] = torch.zeros_like(tensors[name][:, 0])
    else:
        config |= {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
        for name in [name for name in tensors if name.endswith(".bias")]:
            del tensors[name]


MISFITS: dict[str, Change] = {
    "tensor": _tensor,
    "tokenizer": _tokenizer,
    "vocabulary": _vocabulary,
    "hidden_size": _hidden_size,
    "architecture": _architecture,
}


def _has_rows(name: str) -> bool:
    return name.endswith(("embed_tokens.weight", "lm_head.weight"))


def _padded(tensor: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """The tensor in the corner of a larger one that is zero elsewhere."""
    larger = tensor.new_zeros(shape)
    larger[tuple(slice(size) for size in tensor.shape)] = tensor
    return larger


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="written to")
    parser.add_argument("--plus", type=Path, default=TINY / "grpo", help="a checkpoint's folder")
    parser.add_argument("--minus", type=Path, default=TINY / "sft", help="a checkpoint's folder")
    asked = parser.parse_args()
    for misfit in MISFITS:
        for side in ("plus", "minus"):
            write(getattr(asked, side), asked.folder / misfit / side, misfit)


if __name__ == "__main__":
    main()
