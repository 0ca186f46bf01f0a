"""Random tiny checkpoints in Hugging Face's layout, for tests: real files, real tokenizers, no network.

`make` writes a checkpoint, `perturbed` a sibling with noise on every tensor. `python -m pytest` puts this folder on
the path, so tests say `import tinymodels`.
"""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CORPUS = [
    "Tom has 3 apples and buys 12 more apples at the market. How many apples does Tom have now?",
    "The answer is 15. Each box holds 24 pencils, and there are 7 boxes in the room; how many pencils are there?",
    "She sold clips to 48 of her friends in April, and then she sold half as many clips in May. #### 72",
    "def add(a, b): return a + b  # the sum of two numbers, system user assistant",
]
ARCHITECTURES = ("qwen2", "llama", "qwen3", "mistral", "gemma3", "mixtral", "qwen3_moe")
_CLASSES = {
    "qwen2": ("Qwen2Config", "Qwen2ForCausalLM"),
    "llama": ("LlamaConfig", "LlamaForCausalLM"),
    "qwen3": ("Qwen3Config", "Qwen3ForCausalLM"),
    "mistral": ("MistralConfig", "MistralForCausalLM"),
    "gemma3": ("Gemma3TextConfig", "Gemma3ForCausalLM"),
    "mixtral": ("MixtralConfig", "MixtralForCausalLM"),
    "qwen3_moe": ("Qwen3MoeConfig", "Qwen3MoeForCausalLM"),
}
_EXTRA: dict[str, dict[str, Any]] = {
    "mistral": {"sliding_window": None},
    "gemma3": {"query_pre_attn_scalar": 32, "sliding_window": 64},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 64, "norm_topk_prob": True},
}


def make(
    folder: str | Path,
    arch: str = "qwen2",
    tied: bool = True,
    layers: int = 2,
    hidden: int = 64,
    heads: int = 2,
    kv_heads: int | None = None,
    vocab: int = 512,
    tokenizer_vocab: int | None = None,
    seed: int = 0,
    dtype: str = "bfloat16",
    shards: int | None = None,
    std: float = 0.1,
    max_len: int = 2048,
) -> Path:
    """Write a random checkpoint with its tokenizer and return its folder.

    Args:
        folder: written to, made if missing.
        arch: one of `ARCHITECTURES`.
        tied: whether the output head is the embedding.
        layers, hidden, heads: the shape; `head_dim = max(32, hidden // heads)` (vLLM's CPU attention refuses 16, 24).
        kv_heads: heads of keys and values; as many as `heads` when None.
        vocab: rows of the embedding.
        tokenizer_vocab: entries of the tokenizer, `vocab` when None; fewer make a padded embedding. At least 262.
        seed: of the weights.
        dtype: torch's name of the type on disk.
        shards: so many files and an index; None is one file without.
        std: standard deviation of the weights; 0.1 gives answers that differ between prompts.
        max_len: positions.
    """
    import torch
    import transformers

    config_name, model_name = _CLASSES[arch]
    config = getattr(transformers, config_name)(
        vocab_size=vocab,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads or heads,
        head_dim=max(32, hidden // heads),
        max_position_embeddings=max_len,
        tie_word_embeddings=tied,
        initializer_range=std,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=0,
        **_EXTRA.get(arch, {}),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, model_name)(config).to(getattr(torch, dtype))
    folder = Path(folder)
    model.save_pretrained(folder)
    tokenizer(folder, vocab if tokenizer_vocab is None else tokenizer_vocab, max_len)
    if shards is not None:
        reshard(folder, shards)
    return folder


def tokenizer(folder: str | Path, vocab: int = 512, max_len: int = 2048) -> None:
    """Write a byte-level BPE tokenizer with exactly `vocab` entries and a ChatML template into `folder`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=SPECIAL, initial_alphabet=sorted(alphabet), show_progress=False
    )
    bpe.train_from_iterator(CORPUS, trainer)
    bpe.add_tokens([f"<|extra_{i}|>" for i in range(vocab - bpe.get_vocab_size())])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=max_len,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHATML
    fast.save_pretrained(folder)


def tensors(folder: str | Path) -> dict[str, Any]:
    """All tensors of a checkpoint, read whole."""
    from safetensors.torch import load_file

    return {name: t for file in sorted(Path(folder).glob("*.safetensors")) for name, t in load_file(file).items()}


def write(folder: str | Path, named: dict[str, Any], shards: int | None = None) -> None:
    """Replace a folder's weights by `named`, in one file or in `shards` files with an index."""
    from safetensors.torch import save_file

    folder = Path(folder)
    for old in [*folder.glob("*.safetensors"), *folder.glob("*.safetensors.index.json")]:
        old.unlink()
    if shards is None:
        save_file(named, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names, each = list(named), math.ceil(len(named) / shards)
    where = {name: f"model-{i // each + 1:05d}-of-{shards:05d}.safetensors" for i, name in enumerate(names)}
    for file in sorted(set(where.values())):
        save_file({n: named[n] for n in names if where[n] == file}, folder / file, metadata={"format": "pt"})
    size = sum(t.numel() * t.element_size() for t in named.values())
    index = {"metadata": {"total_size": size}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))


def reshard(folder: str | Path, shards: int | None) -> None:
    """Write a checkpoint's weights again, over another number of files."""
    write(folder, tensors(folder), shards)


def sibling(folder_in: str | Path, folder_out: str | Path, change: dict[str, Any] | None = None) -> Path:
    """Copy a checkpoint; `change` sets keys of its config.json."""
    out = Path(shutil.copytree(folder_in, folder_out))
    if change:
        config = json.loads((out / "config.json").read_text()) | change
        (out / "config.json").write_text(json.dumps(config, indent=1))
    return out


def perturbed(folder_in: str | Path, folder_out: str | Path, seed: int = 1, scale: float = 0.05) -> Path:
    """Copy a checkpoint with Gaussian noise of standard deviation `scale` added to every tensor, in its own dtype."""
    import torch

    out = sibling(folder_in, folder_out)
    files = len(list(out.glob("*.safetensors")))
    generator = torch.Generator().manual_seed(seed)
    changed = {
        name: (t.float() + scale * torch.randn(t.shape, generator=generator)).to(t.dtype)
        for name, t in sorted(tensors(folder_in).items())
    }
    write(out, changed, files if files > 1 else None)
    return out


def misfit(donor: str | Path, folder: str | Path, name: str) -> Path:
    """Write a copy of a checkpoint that fits its base less; see scripts/tiny/misfits.py for the names."""
    found = importlib.util.spec_from_file_location("misfits", SCRIPTS / "tiny" / "misfits.py")
    assert found is not None
    assert found.loader is not None
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    Path(folder).parent.mkdir(parents=True, exist_ok=True)
    written: Path = script.write(Path(donor), Path(folder), name)
    return written
