"""Which fields of two config.json files must agree before their weights may be added, whoever wrote the files.

Versions of transformers write the same model differently (`rope_theta` or `rope_parameters`, `torch_dtype` or `dtype`,
defaults or nothing), so fields are brought to one form before they are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What a tensor means: its place in the computation. A difference here is refused.
_SERIOUS = """
architecture model_type rope activation num_hidden_layers hidden_size intermediate_size head_dim
num_attention_heads num_key_value_heads rms_norm_eps layer_norm_eps layer_norm_epsilon norm_epsilon
sliding_window max_window_layers layer_types query_pre_attn_scalar attn_logit_softcapping
final_logit_softcapping attention_bias mlp_bias qkv_bias use_qk_norm use_bidirectional_attention
num_experts num_local_experts n_routed_experts n_shared_experts num_experts_per_tok moe_intermediate_size
shared_expert_intermediate_size norm_topk_prob decoder_sparse_step mlp_only_layers first_k_dense_replace
routed_scaling_factor scoring_func topk_method n_group topk_group kv_lora_rank q_lora_rank qk_nope_head_dim
qk_rope_head_dim v_head_dim embedding_multiplier residual_multiplier attention_multiplier logits_scaling
logit_scale quantization_config vocab_size tie_word_embeddings
"""
SERIOUS = frozenset(_SERIOUS.split())
# Refused only where the vector touches embedding or output head.
VOCABULARY = frozenset({"vocab_size", "tie_word_embeddings"})
# Book-keeping of training and saving; says nothing about the weights.
_IGNORED = """
architectures transformers_version _name_or_path dtype torch_dtype use_cache initializer_range attention_dropout
hidden_dropout resid_pdrop embd_pdrop attn_pdrop router_aux_loss_coef output_router_logits router_jitter_noise
pretraining_tp _attn_implementation_autoset _sliding_window_pattern sliding_window_pattern cache_implementation
unsloth_version unsloth_fixed use_sliding_window text_config rope_scaling
rope_theta rope_parameters rope_local_base_freq hidden_act hidden_activation partial_rotary_factor
"""
IGNORED = frozenset(_IGNORED.split())
MEANINGLESS = (TypeError, ValueError, AttributeError, KeyError, IndexError, ArithmeticError)
"""What reading a config raises whose fields have values that mean nothing there."""


@dataclass
class Difference:
    """Fields that differ: `{name: (base's value, donor's value)}`, and the names that only one of the two gives."""

    serious: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    minor: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)


def compare(base: Mapping[str, Any], donor: Mapping[str, Any]) -> Difference:
    """Compare two config.json mappings field by field, in the form that `normal` gives them."""
    ours, theirs = normal(base), normal(donor)
    difference = Difference(unsaid=sorted(ours.keys() ^ theirs.keys()))
    for name in sorted(ours.keys() & theirs.keys()):
        if ours[name] != theirs[name]:
            fields = difference.serious if name in SERIOUS else difference.minor
            fields[name] = (ours[name], theirs[name])
    return difference


def is_tied(config: Mapping[str, Any]) -> bool:
    """Whether the output head is the embedding, as far as the config says; Gemma's do not say it."""
    flat = {**config, **(config.get("text_config") or {})}
    gemma = str(flat.get("model_type", "")).startswith("gemma")
    return bool(flat.get("tie_word_embeddings", gemma))


def normal(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config in one form: the text part, with rope, activation and derived widths always under one name.

    Raises:
        MEANINGLESS: a field has a value of a type or size that it can't have.

    >>> normal({"rope_theta": 1e4, "hidden_size": 64, "num_attention_heads": 2})["rope"]
    {'rope_theta': 10000.0, 'rope_type': 'default'}
    """
    flat = {**config, **(config.get("text_config") or {})}
    result = {name: value for name, value in flat.items() if name not in IGNORED}
    if architectures := config.get("architectures"):
        # FSDP puts its name before the class that it wraps.
        result["architecture"] = architectures[0].removeprefix("FSDP")
    if activation := flat.get("hidden_act") or flat.get("hidden_activation"):
        result["activation"] = activation
    heads, width = flat.get("num_attention_heads"), flat.get("hidden_size")
    if heads and width:
        result["head_dim"] = flat.get("head_dim") or width // heads
        result["num_key_value_heads"] = flat.get("num_key_value_heads") or heads
    # Older files name a window that `use_sliding_window` turns off, newer ones write null.
    result["sliding_window"] = flat.get("sliding_window") if flat.get("use_sliding_window", True) else None
    if result["sliding_window"] is None:
        result.pop("max_window_layers", None)
    if rope := _rope(flat):
        result["rope"] = rope
    return result


def _rope(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Rotary embedding as newer files write it: one mapping, or one for each type of layer."""
    if new := flat.get("rope_parameters"):
        return {key: _named(value) if isinstance(value, dict) else value for key, value in _named(new).items()}
    if flat.get("rope_theta") is None:
        return {}
    part = flat.get("partial_rotary_factor", 1.0)
    single = {"rope_theta": flat["rope_theta"], "partial_rotary_factor": part, **(flat.get("rope_scaling") or {})}
    if flat.get("rope_local_base_freq") is None:
        return _named(single)
    local = {"rope_theta": flat["rope_local_base_freq"]}
    return {"full_attention": _named(single), "sliding_attention": _named(local)}


def _named(rope: Mapping[str, Any]) -> dict[str, Any]:
    """One mapping of rotary parameters, its type under `rope_type`, defaults left out."""
    if any(isinstance(value, dict) for value in rope.values()):
        return dict(rope)
    kind = rope.get("rope_type") or rope.get("type") or "default"
    rest = {key: value for key, value in rope.items() if key not in ("type", "rope_type")}
    if rest.get("partial_rotary_factor") == 1.0:
        del rest["partial_rotary_factor"]
    return {**rest, "rope_type": kind}
