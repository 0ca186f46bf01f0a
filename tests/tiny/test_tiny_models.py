"""The packaged checkpoints: real Qwen2 folders of the promised shape and size that load as any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from scripts.tiny.package import FILES, MEMBERS

MODELS = Path(__file__).resolve().parents[2] / "rveval" / "tiny" / "models"
MEGABYTE = 1_000_000


@pytest.mark.parametrize("name", MEMBERS)
def test_folder_is_complete_and_small(name: str) -> None:
    folder = MODELS / name
    assert {path.name for path in folder.iterdir()} == {*FILES, "README.md"}
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 4 * MEGABYTE


def test_all_of_it_fits() -> None:
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) <= 24 * MEGABYTE


@pytest.mark.parametrize("name", MEMBERS)
def test_config_is_tied_qwen2_that_vllm_takes(name: str) -> None:
    config = json.loads((MODELS / name / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["Qwen2ForCausalLM"]
    assert config["tie_word_embeddings"] is True
    assert config["dtype"] == "bfloat16"
    assert config["hidden_size"] // config["num_attention_heads"] == 32
    assert config["max_position_embeddings"] >= 1024


@pytest.mark.parametrize("name", MEMBERS)
def test_weights_are_finite_bf16_without_a_head(name: str) -> None:
    with safe_open(MODELS / name / "model.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118, a handle is no dict
    assert "lm_head.weight" not in tensors
    assert all(t.dtype == torch.bfloat16 and bool(t.isfinite().all()) for t in tensors.values())


@pytest.mark.parametrize("name", MEMBERS)
def test_loads_as_any_other(name: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(MODELS / name)
    assert type(model).__name__ == "Qwen2ForCausalLM"
    assert model.dtype == torch.bfloat16
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()


def test_one_tokenizer_for_all() -> None:
    for file in ("tokenizer.json", "tokenizer_config.json"):
        assert len({(MODELS / name / file).read_bytes() for name in MEMBERS}) == 1


def test_auto_tokenizer_keeps_numbers_whole_and_speaks_chat() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "instruct")
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.tokenize("12+7=19") == ["12", "+", "7", "=", "19"]
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == ("<|im_start|>system\nBe short.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
    saved = json.loads((MODELS / "instruct" / "tokenizer.json").read_text(encoding="utf-8"))
    assert tokenizer(text)["input_ids"] == tokenizer.backend_tokenizer.from_str(json.dumps(saved)).encode(text).ids


def test_cards_name_their_figures() -> None:
    for name in MEMBERS:
        card = (MODELS / name / "README.md").read_text(encoding="utf-8")
        assert all(heading in card for heading in ("## Making", "## Own scores", "## Prompting", "## Limits"))
