"""What a network does in a forward pass: its function calls and its module calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.jit._script import RecursiveScriptModule

from .calls import Call, CallMode, Kind, depends, tensors

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
    leads : bool
        Whether its first argument is one of them.
    keeps_rows : bool
        Whether the first of them has one row per picture.
    module : str
        The innermost module at work; empty for the network's own forward.
    module_type : str
    """

    name: str
    kind: Kind
    in_place: bool
    operands: int
    leads: bool
    keeps_rows: bool
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
    unseen : list of str
        Names of the operations whose results turned up though no function call had made them: functions
        of the model's own (`torch.autograd.Function`), or compiled by TorchScript.
    mapped : bool
        Whether functions were mapped over pictures (`torch.vmap`), whose gradients are out of sight inside.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.calls: list[TracedCall] = []
        self.modules: list[ModuleCall] = []
        self.unseen: list[str] = []
        self.mapped = False
        self._model = model
        self._picture: Tensor | None = None
        self._made: set[Any] = set()
        self._entered: list[str] = []
        self._handles: list[Any] = []

    def __enter__(self) -> Trace:  # noqa: PYI034 - Self is not in Python 3.10
        for name, module in self._model.named_modules():
            if isinstance(module, RecursiveScriptModule):  # takes no hooks
                continue
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
        if self._picture is None:  # not there yet
            return call.run()
        self.mapped |= any(map(is_functorch_wrapped_tensor, tensors((*call.args, *call.kwargs.values()))))
        self._made.add(self._picture.grad_fn)
        operands, kind, leads = call.operands, call.kind, depends(call.input)
        keeps_rows = bool(operands) and operands[0].shape[:1] == self._picture.shape[:1]
        for operand in operands:
            self.expect(operand)
        outputs = call.run()
        returned = (outputs, call.input) if call.in_place else (outputs,)
        left = [tensor for tensor in tensors(returned) if depends(tensor)]
        if operands and left:
            self._made.update(tensor.grad_fn for tensor in left)
            # What is written through a view changes the history of the whole.
            self._made.update(t._base.grad_fn for t in left if t._base is not None)  # noqa: SLF001
            module = self._entered[-1] if self._entered else ""
            module_type = type(self._model.get_submodule(module)).__name__
            self.calls.append(
                TracedCall(
                    call.name, kind, call.in_place, len(operands), leads, keeps_rows, module, module_type
                )
            )
        return outputs

    def expect(self, tensor: Tensor) -> None:
        """Note what made a tensor unless a function call did; views have the history of their whole."""
        if not tensor.numel():  # older versions of checkpointing pass one on, in which there is nothing
            return
        node = tensor.grad_fn
        if node not in self._made and not tensor._is_view():  # noqa: SLF001
            self._made.add(node)
            self.unseen.append(str(node.name()) if node is not None else "a leaf")

    def _entering(self, name: str) -> Callable[..., None]:
        def hook(_: Any, entering: Any) -> None:
            if not self._entered:
                self._picture = entering[0]
            self._entered.append(name)

        return hook

    def _leaving(self, name: str, module: nn.Module) -> Callable[..., None]:
        def hook(_: Any, __: Any, output: Any) -> None:
            self._entered.pop()
            shape = tuple(output.shape) if isinstance(output, Tensor) else None
            self.modules.append(ModuleCall(name, type(module).__name__, shape))

        return hook


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
