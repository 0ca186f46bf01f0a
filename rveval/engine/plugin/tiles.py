"""Leave to use the processor's matrix tiles (AMX), which the kernel gives to a process only when it asks."""

from __future__ import annotations


def allow() -> None:
    """Ask the kernel for AMX tiles, which a process may not use unasked.

    vLLM's attention uses them for bfloat16 wherever the processor has them, but leaves the asking to whoever comes
    first: with layers too small for oneDNN's AMX kernels nobody does, and the first request ends the process (SIGILL).
    """
    import torch

    if torch.cpu._is_amx_tile_supported():
        torch.cpu._init_amx()
