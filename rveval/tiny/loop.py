"""The training loop of the two stages that are plain language modelling: pretraining and instruction tuning."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from rich.progress import track
from tokenizers import Tokenizer

from rveval.tiny.mixture import Document, Mixture
from rveval.tiny.tokenizer import PAD, token_id

log = logging.getLogger(__name__)
Batch = tuple[torch.Tensor, torch.Tensor]  # token ids and loss weights, both [rows, length]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast: every `long_every`-th step holds `long_rows` rows of `long_length` tokens."""

    steps: int
    batch: int
    rate: float
    warmup: int
    floor: float = 0.0
    cosine: bool = True
    decay: float = 0.05
    long_every: int = 8
    long_rows: int = 3
    long_length: int = 1024
    pool: int = 32

    def rate_at(self, step: int) -> float:
        """Learning rate of one step: linear warm-up, then cosine or linear to `floor` of the peak."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        shape = 0.5 * (1 + math.cos(math.pi * done)) if self.cosine else 1 - done
        return self.rate * (self.floor + (1 - self.floor) * shape)


def train(model: torch.nn.Module, tokenizer: Tokenizer, mixture: Mixture, schedule: Schedule, name: str) -> None:
    """Run a schedule on a model, in place."""
    device = next(model.parameters()).device
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=schedule.rate, betas=(0.9, 0.98), weight_decay=schedule.decay, fused=True
    )
    model.train()
    running = 0.0
    for step, (ids, weights) in enumerate(track(batches(tokenizer, mixture, schedule), name, schedule.steps)):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate_at(step)
        loss = _loss(model, ids.to(device), weights.to(device))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running = 0.98 * running + 0.02 * float(loss.detach()) if step else float(loss.detach())
        if step % 100 == 0:
            log.info("%s step %d loss %.4f", name, step, running)
    model.eval()


def _loss(model: torch.nn.Module, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted cross entropy over a constant: rows * 18 for short, rows * 240 for long batches.

    Dividing by the batch's own weight would favour direct answers, since batches are of like length.
    """
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    targets, counts = ids[:, 1:], weights[:, 1:]
    each = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    per_row = 240 if ids.shape[1] >= 512 else 18
    return (each * counts.flatten()).sum() / (ids.shape[0] * per_row)


def batches(tokenizer: Tokenizer, mixture: Mixture, schedule: Schedule) -> Iterator[Batch]:
    """`schedule.steps` batches: short documents padded to like lengths, every so often a packed long context."""
    ready: list[Batch] = []
    for step in range(schedule.steps):
        if schedule.long_every and step % schedule.long_every == schedule.long_every - 1:
            yield _long_batch(tokenizer, mixture, schedule)
            continue
        if not ready:
            ready = _short_batches(tokenizer, mixture, schedule)
        yield ready.pop()


def _short_batches(tokenizer: Tokenizer, mixture: Mixture, schedule: Schedule) -> list[Batch]:
    """A pool of batches, each of documents of about the same length, in random order."""
    rows = _encode(tokenizer, [mixture.short() for _ in range(schedule.batch * schedule.pool)])
    rows.sort(key=lambda row: len(row[0]))
    pool = [_padded(rows[i : i + schedule.batch]) for i in range(0, len(rows), schedule.batch)]
    mixture.rng.shuffle(pool)
    return pool


def _long_batch(tokenizer: Tokenizer, mixture: Mixture, schedule: Schedule) -> Batch:
    """Rows of exactly `long_length` tokens: documents of several problems, packed and cut."""
    rows = []
    for _ in range(schedule.long_rows):
        ids: list[int] = []
        weights: list[float] = []
        while len(ids) < schedule.long_length:
            [(more, counts)] = _encode(tokenizer, [mixture.long(mixture.rng.randint(2, 12))])
            ids += [*more, _end(tokenizer)]
            weights += [*counts, 0.0]
        rows.append((ids[: schedule.long_length], weights[: schedule.long_length]))
    return _padded(rows)


def _end(tokenizer: Tokenizer) -> int:
    return token_id(tokenizer, PAD)


def _encode(tokenizer: Tokenizer, documents: list[Document]) -> list[tuple[list[int], list[float]]]:
    """Token ids and weights of documents; segments end where the tokenizer splits anyway (a test holds it)."""
    encodings = iter(tokenizer.encode_batch([text for document in documents for text, _ in document]))
    rows = []
    for document in documents:
        ids: list[int] = []
        weights: list[float] = []
        for _, weight in document:
            piece = next(encodings).ids
            ids += piece
            weights += [weight] * len(piece)
        rows.append((ids, weights))
    return rows


def _padded(rows: list[tuple[list[int], list[float]]]) -> Batch:
    """Right-padded tensors; padding has weight 0 and, under causal attention, changes nothing before it."""
    length = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([[*ids, *[0] * (length - len(ids))] for ids, _ in rows])
    weights = torch.tensor([[*counts, *[0.0] * (length - len(counts))] for _, counts in rows])
    return ids, weights
