"""The base of all rules: one method per kind of operation decides what its backward pass sends back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from .calls import Call, CallMode
from .trace import TracedCall, places

__all__ = ["Rule"]


def _unchanged(tensor: Tensor) -> Tensor:
    return tensor


# A checkpointed block saves nothing and runs again later, without the rule: save all the same.
_SAVING = saved_tensors_hooks(_unchanged, _unchanged)


class Rule(CallMode):
    """A rule for the backward pass: entered round a forward pass, it decides what flows back through it.

    A subclass says what happens to a kind of operation in a method of the kind's name; operations of all
    other kinds keep their gradient. `supports` says where the result is right; `inspect_model` reads it.

    Attributes
    ----------
    title : str
        What sentences call the rule.

    Examples
    --------
    >>> import torch
    >>> class Halved(Rule):
    ...     '''Every ReLU halves what flows back.'''
    ...
    ...     def relu(self, call):
    ...         y = call.run()
    ...         y.register_hook(lambda gradient: gradient / 2)
    ...         return y
    >>> x = torch.ones(1, requires_grad=True)
    >>> with Halved():
    ...     y = torch.relu(x)
    >>> torch.autograd.grad(y, x)
    (tensor([0.5000]),)
    """

    title: ClassVar[str] = "The rule"

    def handle(self, call: Call) -> Any:
        """Run the method named after the call's kind; the call itself if nothing depends on the picture."""
        if not call.operands:
            return call.run()
        with _SAVING:
            return getattr(self, call.kind.value, Call.run)(call)

    @classmethod
    def supports(cls, call: TracedCall) -> bool:
        """Tell whether the rule is right for a call."""
        del call
        return True

    @classmethod
    def objection(cls, calls: Sequence[TracedCall]) -> str:
        """Return why the rule would be wrong for a network that makes these calls; empty if it is right."""
        unsupported = [call for call in calls if not cls.supports(call)]
        if not unsupported:
            return ""
        return (
            f"{cls.title} has no rule for {places(unsupported)}. Use integrated_gradients, or replace these "
            "functions."
        )
