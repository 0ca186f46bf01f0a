"""The tiny family: a synthetic benchmark, the script that trains models on it, and the packaged checkpoints.

`data/` and `models/` are package data; everything else here makes them. Generator modules are pure standard
library; modules that train import torch, transformers and trl inside their functions' modules only.
"""
