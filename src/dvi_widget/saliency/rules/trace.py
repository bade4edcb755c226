"""What a network does in a forward pass: its function calls and its module calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from .calls import Call, CallMode, Kind

__all__ = ["ModuleCall", "Trace", "TracedCall", "places"]

_PLACES = 3  # modules that a sentence names


@dataclass(frozen=True)
class TracedCall:
    """One function call on tensors that depend on the picture.

    Attributes
    ----------
    name : str
        Of the function.
    kind : Kind
    in_place : bool
        Whether it overwrote its input.
    operands : int
        How many tensors that depend on the picture it took.
    module : str
        The innermost module at work; empty for the network's own forward.
    module_type : str
    """

    name: str
    kind: Kind
    in_place: bool
    operands: int
    module: str
    module_type: str


@dataclass(frozen=True)
class ModuleCall:
    """One call of a module.

    Attributes
    ----------
    name, type : str
    shape : tuple of int or None
        Of the tensor that left it, batch included; None if something else left it.
    """

    name: str
    type: str
    shape: tuple[int, ...] | None


class Trace(CallMode):
    """Records the functions and the modules that a forward pass calls, in order.

    Parameters
    ----------
    model
        The network whose modules are named.

    Attributes
    ----------
    calls : list of TracedCall
        Function calls whose arguments and results depend on the picture.
    modules : list of ModuleCall
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.calls: list[TracedCall] = []
        self.modules: list[ModuleCall] = []
        self._model = model
        self._entered: list[str] = []
        self._handles: list[Any] = []

    def __enter__(self) -> Trace:  # noqa: PYI034 - Self is not in Python 3.10
        for name, module in self._model.named_modules():
            self._handles.append(module.register_forward_pre_hook(self._entering(name)))
            self._handles.append(module.register_forward_hook(self._leaving(name, module)))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *problem: object) -> None:
        super().__exit__(*problem)  # type: ignore[no-untyped-call]
        for handle in self._handles:
            handle.remove()

    def handle(self, call: Call) -> Any:
        """Run the call and record it."""
        outputs = call.run()
        operands = _dependents((*call.args, *call.kwargs.values()))
        if operands and _dependents((outputs,)):
            module = self._entered[-1] if self._entered else ""
            kind = type(self._model.get_submodule(module)).__name__
            self.calls.append(TracedCall(call.name, call.kind, call.in_place, operands, module, kind))
        return outputs

    def _entering(self, name: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            self._entered.append(name)

        return hook

    def _leaving(self, name: str, module: nn.Module) -> Callable[..., None]:
        def hook(_: Any, __: Any, output: Any) -> None:
            self._entered.pop()
            shape = tuple(output.shape) if isinstance(output, Tensor) else None
            self.modules.append(ModuleCall(name, type(module).__name__, shape))

        return hook


def _dependents(values: tuple[Any, ...]) -> int:
    """Count the tensors among values, and in lists of them, that depend on the picture; weights do not."""
    count = 0
    for value in values:
        if isinstance(value, Tensor):
            count += bool(value.requires_grad and not isinstance(value, nn.Parameter))
        elif isinstance(value, (list, tuple)):
            count += _dependents(tuple(value))
    return count


def places(calls: Sequence[TracedCall]) -> str:
    """Name functions with the modules that call them: "sigmoid in gate.act (Sigmoid) and 2 more places"."""
    modules: dict[str, list[str]] = {}
    for call in calls:
        where = f"{call.module} ({call.module_type})" if call.module else "the model's own forward"
        modules.setdefault(call.name, [])
        if where not in modules[call.name]:
            modules[call.name].append(where)
    named = []
    for name, callers in modules.items():
        more = f" and {len(callers) - _PLACES} more places" if len(callers) > _PLACES else ""
        named.append(f"{name} in {', '.join(callers[:_PLACES])}{more}")
    return "; ".join(named)
