"""The tiny family: a synthetic benchmark, the stages that train models on it, and the packaged checkpoints.

`data/`, `models/` and `figures/` are package data, and all that users of the family need; the modules make them again
(`scripts/train_tiny.py`). Problems, options, ordering and splits are plain standard library; only the stages that
train or measure import torch, transformers and trl.
"""
