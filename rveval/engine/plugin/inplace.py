"""Writes a variant into the parameters of a live model, tensor by tensor, with nothing held but the one at work.

While vLLM loads the first weights, `Routes` notes which checkpoint tensor went into which parameter through which of
vLLM's own weight loaders. A swap then goes module by module: the parameter is written where it is or, where vLLM has
packed it away, in a staging tensor that is packed and dropped at once. vLLM's own reload allocates and copies
everything once more; this takes a third of its time and next to none of its memory (docs/traps.md).

Whether the result is right is not decided here: the self-test compares it with a cold load, and what fails is swapped
by vLLM's reload instead, or started afresh.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rveval.errors import Failed, Problem
from rveval.recipe import Recipe, VariantTensors

if TYPE_CHECKING:
    import torch

_ATTRIBUTE = "_rveval_routes"


@dataclass(frozen=True)
class Feed:
    """One call of a weight loader.

    Args:
        tensor: the checkpoint tensor it was given.
        loader, args, kwargs: the loader, and what it was called with behind the parameter and the tensor.
        place: (first element, elements) of the parameter where it put the tensor as it stands; None if it did
            anything else, such as taking this worker's part of it.
    """

    tensor: str
    loader: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    place: tuple[int, int] | None


@dataclass
class Target:
    """A parameter of a module.

    Args:
        module, name: where it is.
        blank: the parameter before vLLM packed it, without storage: its class, shape, dtype and loader.
        feeds: what was loaded into it, in order.
    """

    module: Any
    name: str
    blank: Any
    feeds: list[Feed] = field(default_factory=list)

    @property
    def places(self) -> list[tuple[int, int]]:
        """Where each feed goes, if together they are the whole parameter, so that all can be computed in place."""
        known = [feed.place for feed in self.feeds if feed.place is not None]
        whole = len(known) == len(self.feeds) and sum(size for _, size in known) == self.blank.numel()
        return known if whole else []


class Routes:
    """Which checkpoint tensor goes where; recorded once, while vLLM loads."""

    def __init__(self) -> None:
        self.targets: list[Target] = []
        self.unknown: set[str] = set()
        self._name = ""
        self._tensor: Any = None

    def now(self, name: str, tensor: torch.Tensor) -> None:
        """Say which tensor is being loaded."""
        self._name, self._tensor = name, tensor

    @contextmanager
    def recording(self, model: Any) -> Iterator[None]:
        """Note the weight loaders' calls; leaves the parameters as they were, and itself with the model."""
        restore = [self._watch(module, name, param) for module, name, param in _own_parameters(model)]
        yield
        for put_back in restore:
            put_back()
        for target in self.targets:
            target.blank = _without_storage(getattr(target.module, target.name))
        self._tensor = None
        setattr(model, _ATTRIBUTE, self)

    def _watch(self, module: Any, name: str, param: Any) -> Callable[[], None]:
        from vllm.model_executor.model_loader.weight_utils import default_weight_loader

        copies_type = _copies_type()
        own = "weight_loader" in vars(param) or hasattr(type(param), "weight_loader")
        loader = getattr(param, "weight_loader", default_weight_loader)
        target = Target(module, name, None)
        self.targets.append(target)

        @functools.wraps(loader)
        def noting(*args: Any, **kwargs: Any) -> Any:
            with copies_type() as copies:
                result = loader(*args, **kwargs)
            if len(args) < 2 or args[1] is not self._tensor:
                self.unknown.add(name)
                return result
            place = copies.place(args[0], args[1])
            target.feeds.append(Feed(self._name, loader, args[2:], kwargs, place))
            return result

        def put_back() -> None:
            if own:
                param.weight_loader = loader
            else:
                del param.weight_loader

        param.weight_loader = noting
        return put_back


def write(model: Any, recipe: Recipe) -> None:
    """Write a variant into a model that was loaded under `Routes.recording`.

    Raises:
        Failed: the model's weights can't be traced to the checkpoint's; nothing was changed.
    """
    import torch

    routes: Routes | None = getattr(model, _ATTRIBUTE, None)
    if routes is None or routes.unknown:
        what = "vLLM rearranges this model's weights while it loads them, so they can't be written in place"
        raise Failed(Problem(what, where=", ".join(sorted(routes.unknown)) if routes else "no routes"))
    source = VariantTensors(recipe)
    by_module: dict[int, list[Target]] = defaultdict(list)
    for target in routes.targets:
        by_module[id(target.module)].append(target)
    shared = _sharing(model)
    with torch.no_grad():
        for targets in by_module.values():
            if any(target.feeds for target in targets):
                _write_module(targets, source, shared)


def _write_module(targets: list[Target], source: VariantTensors, shared: dict[int, list[Any]]) -> None:
    module = targets[0].module
    for target in targets:
        if target.feeds:
            _fill(_writable(target), target, source)
    sharing = {id(other): other for t in targets for other in shared.get(id(getattr(module, t.name)), [module])}
    _pack([module, *(other for other in sharing.values() if other is not module)])


def _writable(target: Target) -> Any:
    """The live parameter, or where vLLM has packed it away, a staging one in its place."""
    import torch

    param = getattr(target.module, target.name)
    if param.shape == target.blank.shape:
        return param
    _drop_packed(target.module)
    staged = torch.empty(target.blank.shape, dtype=target.blank.dtype, device=param.device)
    staged.__class__ = target.blank.__class__
    staged.__dict__ = dict(vars(target.blank))
    setattr(target.module, target.name, staged)
    return staged


def _fill(param: Any, target: Target, source: VariantTensors) -> None:
    places = target.places if param.data.is_contiguous() else []
    for feed, (start, size) in zip(target.feeds, places, strict=False):
        shape = source.shape(feed.tensor)
        source.read(feed.tensor, out=param.data.view(-1)[start : start + size].view(shape))
    if not places:
        for feed in target.feeds:
            feed.loader(param, source.read(feed.tensor, device=param.device), *feed.args, **feed.kwargs)


def _pack(modules: list[Any]) -> None:
    """Let vLLM pack a module's weights, and once only where several modules share them (a tied head)."""
    from vllm.model_executor.layers.quantization.base_config import QuantizeMethodBase

    packed: Any = None
    for module in modules:
        _drop_packed(module)  # all of them first: the old packing is freed only when nobody holds it
    for module in modules:
        method = getattr(module, "quant_method", None)
        if not isinstance(method, QuantizeMethodBase):
            continue
        if packed is not None and type(packed.quant_method) is type(method) and "cpu_linear" in vars(packed):
            module.cpu_linear = packed.cpu_linear
            continue
        method.process_weights_after_loading(module)
        packed = module


def _drop_packed(module: Any) -> None:
    """Let go of the old packing before the new one is made, so that both never stand in memory together."""
    if "cpu_linear" in vars(module):
        module.cpu_linear = None


def _own_parameters(model: Any) -> Iterator[tuple[Any, str, Any]]:
    """(module, name, parameter), each parameter once, under the first module that has it."""
    seen: set[int] = set()
    for module in model.modules():
        for name, param in module.named_parameters(recurse=False):
            if id(param) not in seen:
                seen.add(id(param))
                yield module, name, param


def _sharing(model: Any) -> dict[int, list[Any]]:
    """Modules by the identity of the parameters they hold."""
    holders: dict[int, list[Any]] = defaultdict(list)
    for module in model.modules():
        for _, param in module.named_parameters(recurse=False):
            if param.numel():
                holders[id(param)].append(module)
    return holders


def _without_storage(param: Any) -> Any:
    blank = param.data.to("meta")
    blank.__class__ = param.__class__
    blank.__dict__ = dict(vars(param))
    return blank


@functools.cache
def _copies_type() -> Any:
    """Watches what a weight loader copies where; made late, because its base class is torch's."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Copies(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten.copy_.default:
                self._seen.append((args[0], args[1]))
            return func(*args, **(kwargs or {}))

        def place(self, param: torch.Tensor, loaded: torch.Tensor) -> tuple[int, int] | None:
            """(first element, elements) in the parameter, if the whole tensor went to one piece of it as it stands."""
            if len(self._seen) != 1:
                return None
            target, source = self._seen[0]
            as_it_stands = source.data_ptr() == loaded.data_ptr() and source.shape == loaded.shape == target.shape
            inside = target.untyped_storage().data_ptr() == param.untyped_storage().data_ptr()
            if not (as_it_stands and inside and target.is_contiguous() and loaded.is_contiguous()):
                return None
            return int(target.storage_offset()) - int(param.storage_offset()), target.numel()

    return Copies
