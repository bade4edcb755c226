"""`attribute`: maps of what speaks for a class, by any method of the table, with their error, and kept."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm

from .identity import digest, model_key
from .inspection import Inspection, inspected
from .methods import METHODS, Method
from .network import Network, Target, requested

__all__ = ["CACHE", "MapCache", "Maps", "attribute", "stream"]

# Above this share of the effect, what a map fails to account for is worth a badge.
TOLERANCE = 0.05
_KEPT = 256 << 20  # bytes of maps


@dataclass(frozen=True)
class Maps:
    """Attribution maps of N pictures.

    Attributes
    ----------
    values : float32 [N, H, W]
        Signed, summed over channels: positive speaks for the class, negative against it.
    method : str
    parameters : dict
        All of the method's parameters, those left at their defaults too.
    target : int64 [N]
        The class each map explains.
    logits : float32 [N, C]
        What the model says of each picture.
    error : float32 [N] or None
        |sum of the map − what it must sum to| as a share of the latter, where the method has a law of
        completeness.
    likeness : float32 [N] or None
        Cosine between each map and the same method's map for the runner-up class, if it was asked for: near
        one means that the map says little about this class in particular.
    """

    values: NDArray[np.float32]
    method: str
    parameters: dict[str, Any]
    target: NDArray[np.int64]
    logits: NDArray[np.float32] = field(repr=False)
    error: NDArray[np.float32] | None = None
    likeness: NDArray[np.float32] | None = None

    @property
    def predictions(self) -> NDArray[np.int64]:
        """The model's class for each picture: int64 [N]."""
        return np.asarray(self.logits.argmax(1), np.int64)

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Which maps miss more than 5 % of the effect they should account for: bool [N]."""
        if self.error is None:
            return np.zeros(len(self.values), bool)
        return ~(self.error <= TOLERANCE)

    def __len__(self) -> int:
        return len(self.values)


class MapCache:
    """Maps by model, weights, picture, class, method and parameters; the least recently used go first.

    Parameters
    ----------
    limit
        Bytes of maps kept.
    """

    def __init__(self, limit: int = _KEPT) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[Any, _Made] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> _Made | None:
        """What is kept under a key, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Any, made: _Made) -> None:
        """Keep a map."""
        made = replace(made, values=made.values.copy(), logits=made.logits.copy())
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = made
            self._size += made.values.nbytes
            while self._size > self._limit and self._kept:
                _, oldest = self._kept.popitem(last=False)
                self._size -= oldest.values.nbytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._size = 0

    def __len__(self) -> int:
        return len(self._kept)


CACHE = MapCache()


def attribute(
    model: Any,
    images: ArrayLike | Tensor,
    target: int | ArrayLike | Tensor | None = None,
    method: str = "integrated_gradients",
    *,
    likeness: bool = False,
    report: Callable[[float], None] | None = None,
    cache: MapCache | None = CACHE,
    **parameters: Any,
) -> Maps:
    """Maps of what in each picture speaks for a class.

    Logits are explained, never probabilities. The model works in evaluation mode meanwhile and is left as it
    was; a map does not depend on the other pictures asked for. Slow methods show a progress bar; interrupted,
    they have kept what is finished, and a second call goes on from there.

    Parameters
    ----------
    model
        A torch module, a `Subject`, a `Predictor`; for methods without gradients also an object with
        ``predict_proba`` or a callable that gives probabilities.
    images : array or tensor [N, C, H, W] or [C, H, W]
        Pictures as the model takes them, floating.
    target : int or int [N], optional
        The class to explain, one for all or one each; by default the model's own prediction.
    method : str
        A name of `METHODS`; ``inspect_model(model, images)`` says which are right for a model.
    likeness : bool
        Also compare each map with the runner-up class's, at the cost of a second map.
    report : callable, optional
        Called with the share done, 0 … 1, instead of a progress bar. What it raises stops the work and comes
        through.
    cache : MapCache or None
        Where maps are looked up and kept; None for neither. Maps of models that are no torch modules, or
        that hold objects of other kinds than numbers, strings, tensors and functions, are never kept:
        nothing tells whether these have changed.
    **parameters
        The method's own, as listed in ``METHODS[method].parameters``.

    Returns
    -------
    Maps

    Raises
    ------
    ValueError
        If the method is unknown or does not support the model (the message names the culprits and the way
        out), a class or a parameter is out of range, a layer does not exist, or pictures have the wrong
        shape.
    TypeError
        If a parameter is unknown or of the wrong kind, or pictures hold integers.

    Examples
    --------
    >>> maps = dvi.attribute(model, pictures, method="grad_cam", layer="conv2")  # doctest: +SKIP
    >>> maps.values.shape  # doctest: +SKIP
    (64, 32, 32)
    """
    parts = list(
        stream(
            model,
            images,
            target,
            method,
            likeness=likeness,
            report=report,
            cache=cache,
            bar=report is None,
            **parameters,
        )
    )
    first = parts[0]
    return Maps(
        np.concatenate([part.values for part in parts]),
        first.method,
        first.parameters,
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.logits for part in parts]),
        _joined([part.error for part in parts]),
        _joined([part.likeness for part in parts]),
    )


def _joined(parts: list[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None


def stream(
    model: Any,
    images: ArrayLike | Tensor,
    target: int | ArrayLike | Tensor | None = None,
    method: str = "integrated_gradients",
    *,
    likeness: bool = False,
    report: Callable[[float], None] | None = None,
    cache: MapCache | None = CACHE,
    bar: bool = False,
    **parameters: Any,
) -> Iterator[Maps]:
    """`attribute`, piece by piece: maps of the next pictures as soon as they are made.

    A piece holds as many pictures as the method takes in one go (``at_once``): one for most slow ones, 64
    for eager ones. Close the iterator to stop.

    Parameters
    ----------
    model, images, target, method, likeness, report, cache, **parameters
        As for `attribute`. All is checked before the first piece, but whether the classes exist, which the
        first piece tells.
    bar
        Whether slow methods show a progress bar.

    Yields
    ------
    Maps
        In the order of the pictures.

    Raises
    ------
    ValueError, TypeError
        As for `attribute`.
    """
    entry = _entry(method)
    settings = entry.settings(parameters)
    net = Network(model)
    x = net.pictures(images)
    wanted = requested(target, len(x))
    with net.lent():
        _resolve(net, x[:1], entry, settings)
    key = model_key(net.module) if cache is not None and net.module is not None else None
    kept = cache if key is not None else None
    key = (key, method, _frozen(settings))
    work = _Work(net, entry, settings, kept, key)
    return _pieces(work, x, wanted, likeness, report or _silent, bar and not entry.eager)


def _silent(_: float) -> None:
    """Nobody listens."""


def _entry(method: str) -> Method:
    if method not in METHODS:
        raise ValueError(f"method: {method!r} is none of {', '.join(METHODS)}")
    return METHODS[method]


@dataclass(frozen=True)
class _Made:
    """One picture's map, with what came by in making it."""

    values: NDArray[np.float32]  # [H, W]
    error: float
    target: int
    logits: NDArray[np.float32]  # [C]


@dataclass(frozen=True)
class _Work:
    """One method at work on one model."""

    net: Network
    method: Method
    settings: dict[str, Any]
    cache: MapCache | None
    key: Any

    def maps(
        self, x: Tensor, wanted: NDArray[np.int64] | None, report: Callable[[float], None]
    ) -> list[_Made]:
        """Maps of pictures, from the cache where they are known."""
        asked = [None] * len(x) if wanted is None else wanted.tolist()
        known: list[_Made | None] = [None] * len(x)
        keys = (
            [(self.key, digest(x[i].cpu()), asked[i]) for i in range(len(x))]
            if self.cache is not None
            else []
        )
        if self.cache is not None:
            known = [self.cache.get(key) for key in keys]
        missing = [i for i, made in enumerate(known) if made is None]
        if missing:
            classes = None if wanted is None else wanted[missing]
            for i, made in zip(missing, self._run(x, missing, classes, report), strict=True):
                known[i] = made
                if self.cache is not None:
                    self.cache.put(keys[i], made)
        return [made for made in known if made is not None]

    def _run(
        self, x: Tensor, rows: list[int], wanted: NDArray[np.int64] | None, report: Callable[[float], None]
    ) -> list[_Made]:
        """Maps of some rows, computed."""
        with self.net.lent():
            target = Target(wanted)
            x = x[rows] if len(rows) < len(x) else x.clone()
            if not self.method.eager:
                target.score(self.net.logits(x))
            made, expected = self.method.run(self.net, x, target, report, **self.settings)
        assert target.logits is not None
        values = made.detach().cpu().float().numpy()
        errors = np.full(len(x), np.nan) if expected is None else _relative_error(made, expected)
        logits = target.logits.cpu().float().numpy()
        return [
            _Made(*row) for row in zip(values, errors.tolist(), target.classes.tolist(), logits, strict=True)
        ]


def _relative_error(made: Tensor, expected: Tensor) -> NDArray[np.float32]:
    """|Σ map − effect| / |effect|."""
    effect = expected.detach().cpu().double()
    missed = (made.detach().cpu().double().sum((1, 2)) - effect).abs()
    tiny = torch.finfo(torch.float32).eps
    share: NDArray[np.float32] = (missed / effect.abs().clamp(min=tiny)).float().numpy()
    return share


def _pieces(
    work: _Work,
    x: Tensor,
    wanted: NDArray[np.int64] | None,
    likeness: bool,
    report: Callable[[float], None],
    bar: bool,
) -> Iterator[Maps]:
    chunk = work.method.at_once
    rounds = 2 if likeness else 1
    with tqdm(
        total=len(x), desc=work.method.label, unit="picture", disable=not bar, leave=False, delay=1
    ) as progress:
        for begin in range(0, len(x), chunk):
            rows = slice(begin, min(begin + chunk, len(x)))
            part = x[rows]
            shares = [partial(_share, report, begin, r, rounds, len(part), len(x)) for r in range(rounds)]
            made = work.maps(part, None if wanted is None else wanted[rows], shares[0])
            values = np.stack([one.values for one in made])
            target = np.array([one.target for one in made], np.int64)
            logits = np.stack([one.logits for one in made])
            likenesses = None
            if likeness:
                others = work.maps(part, _runner_up(logits, target), shares[1])
                likenesses = _cosine(values, np.stack([one.values for one in others]))
            report(rows.stop / len(x))
            progress.update(len(part))
            error = np.array([one.error for one in made], np.float32) if work.method.law else None
            yield Maps(values, work.method.name, dict(work.settings), target, logits, error, likenesses)


def _share(
    report: Callable[[float], None],
    begin: int,
    done: int,
    rounds: int,
    rows: int,
    total: int,
    fraction: float,
) -> None:
    """Pass on how far all pictures are when one round of some of them is so far."""
    report((begin + rows * (done + fraction) / rounds) / total)


def _runner_up(logits: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The highest class but the given one: int64 [n]."""
    others = logits.copy()
    others[np.arange(len(others)), classes] = -np.inf
    return np.asarray(others.argmax(1), np.int64)


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine between maps; nan where one of them is zero."""
    flat_a, flat_b = (m.reshape(len(m), -1).astype(np.float64) for m in (a, b))
    norms = np.linalg.norm(flat_a, axis=1) * np.linalg.norm(flat_b, axis=1)
    cosine = np.divide((flat_a * flat_b).sum(1), norms, out=np.full(len(a), np.nan), where=norms > 0)
    return np.asarray(cosine, np.float32)


# What was seen of a network's functions, by network: the types of its modules and the shape of a picture.
_INSPECTED: weakref.WeakKeyDictionary[nn.Module, dict[Any, Inspection]] = weakref.WeakKeyDictionary()


def _resolve(net: Network, picture: Tensor, method: Method, settings: dict[str, Any]) -> None:
    """Refuse a method that would be wrong for the model; name the last convolution for a layer."""
    named = settings.get("layer")
    if named is not None:
        net.layer(named)
    if net.module is None or method.needs & {"relu", "deep_lift", "lrp", "maps"}:
        reason = _inspection(net, picture).methods[method.name]
        if reason and not (named and "maps" in method.needs and "convolution" in reason):
            raise ValueError(f"method: {method.name} does not support this model. {reason}")
    if "layer" in settings and named is None:
        settings["layer"] = _inspection(net, picture).last_convolution


def _inspection(net: Network, picture: Tensor) -> Inspection:
    """What `inspect_model` says, once per network and shape."""
    if net.module is None:
        return inspected(net, picture)
    kinds = (tuple(type(module) for module in net.module.modules()), tuple(picture.shape))
    known = _INSPECTED.setdefault(net.module, {})
    if kinds not in known:
        known[kinds] = inspected(net, picture)
    return known[kinds]


def _frozen(settings: dict[str, Any]) -> tuple[Any, ...]:
    """Settings as a key."""
    return tuple(
        (name, (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value)
        for name, value in sorted(settings.items())
    )
