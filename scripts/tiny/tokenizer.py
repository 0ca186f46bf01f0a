"""The family's one tokenizer: byte-level BPE in which every number below 100 is a single token.

With two tokens a number, finding the letter of an option was not learnable at this size; with one it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from scripts.tiny.mixture import BASE_HABITS, Mixture

PAD, START, EOS = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
WORD_VOCABULARY = 576
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def build_tokenizer(texts: list[str]) -> Tokenizer:
    """Train word merges on `texts`; numbers 10..99 are added tokens, cut out before anything else is split."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = _splitter()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORD_VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[PAD, START, EOS],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(str(number), normalized=False) for number in range(10, 100)])
    return tokenizer


def _splitter() -> pre_tokenizers.PreTokenizer:
    """Exactly Qwen2's splitting, since transformers gives every folder of model type qwen2 that tokenizer class.

    The class brings its own rule whatever tokenizer.json says; only added tokens survive it, hence the numbers there.
    """
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """Id of a token that must exist."""
    found = tokenizer.token_to_id(token)
    if found is None:
        raise KeyError(f"the tokenizer has no token {token!r}")
    return int(found)


def save_tokenizer(tokenizer: Tokenizer, folder: Path, positions: int) -> None:
    """Write tokenizer.json, tokenizer_config.json (with the chat template) as transformers reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "Qwen2Tokenizer",
        "model_max_length": positions,
        "eos_token": EOS,
        "unk_token": None,
        "bos_token": None,
        "pad_token": PAD,
        "padding_side": "left",
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def training_texts(count: int, seed: str) -> list[str]:
    """Documents of the pretraining mixture to learn word merges from."""
    mixture = Mixture(Random(seed), BASE_HABITS)
    return ["".join(text for text, _ in mixture.short()) for _ in range(count)]
