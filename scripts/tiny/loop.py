"""The training loop of the two stages that are plain language modelling: pretraining and instruction tuning."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from rich.progress import track
from tokenizers import Tokenizer

from scripts.tiny.mixture import Document, Mixture
from scripts.tiny.tokenizer import PAD, token_id

log = logging.getLogger(__name__)
LONG_LENGTH, PACKED_LENGTH = 1024, 320
SHORT_WEIGHT, PACKED_WEIGHT = 18.0, 0.235  # of a row, and of a token of a packed row
Batch = tuple[torch.Tensor, torch.Tensor]  # token ids and loss weights, both [rows, length]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast, and what shapes the batches have.

    Of every eight steps the last holds `long_rows` contexts of 1,024 tokens and three hold `packed_rows` contexts of
    320 tokens, packed with documents of several problems; the others hold `batch` documents of one problem. Without
    many contexts of several problems a model confuses them and answers few-shot prompts at the floor.
    """

    steps: int
    batch: int
    rate: float
    warmup: int
    floor: float = 0.0
    cosine: bool = True
    decay: float = 0.05
    packed_rows: int = 8
    long_rows: int = 3
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
    """Weighted cross entropy over a constant: about what the answers of such rows weigh on average.

    Dividing by the batch's own weight would favour direct answers, since batches are of like length.
    """
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    targets, counts = ids[:, 1:], weights[:, 1:]
    each = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    rows, length = ids.shape
    usual = rows * (PACKED_WEIGHT * length if length >= PACKED_LENGTH else SHORT_WEIGHT)
    return (each * counts.flatten()).sum() / usual


def batches(tokenizer: Tokenizer, mixture: Mixture, schedule: Schedule) -> Iterator[Batch]:
    """`schedule.steps` batches: single problems padded to like lengths, and packed contexts of several."""
    ready: list[Batch] = []
    for step in range(schedule.steps):
        turn = step % 8
        if turn == 7:
            yield _packed_batch(tokenizer, mixture, schedule.long_rows, LONG_LENGTH, most=12)
        elif turn % 2 == 1:
            yield _packed_batch(tokenizer, mixture, schedule.packed_rows, PACKED_LENGTH, most=4)
        else:
            ready = ready or _short_batches(tokenizer, mixture, schedule)
            yield ready.pop()


def _short_batches(tokenizer: Tokenizer, mixture: Mixture, schedule: Schedule) -> list[Batch]:
    """A pool of batches, each of documents of about the same length, in random order."""
    rows = _encode(tokenizer, [mixture.short() for _ in range(schedule.batch * schedule.pool)])
    rows.sort(key=lambda row: len(row[0]))
    pool = [_padded(rows[i : i + schedule.batch]) for i in range(0, len(rows), schedule.batch)]
    mixture.rng.shuffle(pool)
    return pool


def _packed_batch(tokenizer: Tokenizer, mixture: Mixture, rows: int, length: int, most: int) -> Batch:
    """Rows of exactly `length` tokens: documents of two to `most` problems, packed and cut."""
    packed = []
    for _ in range(rows):
        ids: list[int] = []
        weights: list[float] = []
        while len(ids) < length:
            [(more, counts)] = _encode(tokenizer, [mixture.long(mixture.rng.randint(2, most))])
            ids += [*more, token_id(tokenizer, PAD)]
            weights += [*counts, 0.0]
        packed.append((ids[:length], weights[:length]))
    return _padded(packed)


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
