"""Situations of plain torch: networks that take and return different things."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.nn.utils import parametrizations

from .having import RECORD, Returning, binary, body, compiled, digits, drawn, output, with_network
from .judging import Given, Situation


class Tokens(nn.Module):
    """Reads numbers of words under a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(20, 8), nn.Linear(8, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        weight = attention_mask[..., None].float()
        return self.out((self.words(input_ids) * weight).sum(1) / weight.sum(1))


class PictureAndTable(nn.Module):
    """Sees a picture and reads a row of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.eye, self.out = nn.Linear(64, 8), nn.Linear(8 + 3, 3)

    def forward(self, picture: Tensor, table: Tensor) -> Any:
        return self.out(torch.cat([self.eye(picture.flatten(1)).relu(), table], 1))


class Recurrent(nn.Module):
    """Reads a series [n, L, 4], and classifies its last state."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.series, self.out = kind(4, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Any:
        return self.out(self.series(x)[0][:, -1])


class Attentive(nn.Module):
    """A transformer's encoder over a series [n, L, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(4, 8)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)
        self.out = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Any:
        return self.out(self.encoder(self.enter(x)).mean(1))


class Graph(nn.Module):
    """Passes messages between the nodes of a graph: features [n, v, 4] and adjacency [n, v, v]."""

    def __init__(self) -> None:
        super().__init__()
        self.message, self.out = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, nodes: Tensor, edges: Tensor) -> Any:
        return self.out((edges @ self.message(nodes)).relu().mean(1))


class Cosine(nn.Module):
    """Compares directions with one prototype per class, as in metric learning."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = body(nn.Identity())
        self.prototypes = nn.Parameter(torch.randn(10, 16))

    def forward(self, x: Tensor) -> Any:
        return 10 * F.normalize(self.embed(x)) @ F.normalize(self.prototypes).T


class TwoHeads(nn.Module):
    """Names the digit, and says beside whether it is odd."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.digit, self.odd = body(nn.Identity()), nn.Linear(16, 10), nn.Linear(16, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        h = self.trunk(x)
        return {"logits": self.digit(h), "odd": self.odd(h)}


class Cast(nn.Module):
    """Computes in a precision of its own."""

    def __init__(self, inner: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner = inner.to(dtype)
        self.dtype = dtype

    def forward(self, x: Tensor) -> Any:
        return self.inner(x.to(self.dtype))


class Bytes(nn.Module):
    """Takes bytes, and scales them itself."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = body()

    def forward(self, x: Tensor) -> Any:
        return self.inner(x.float() / 255)


def as_bytes() -> Given:
    have = digits()
    return have | {key: np.rint(255 * have[key]).astype(np.uint8) for key in ("x", "xt")}


def halves(have: Given) -> Given:
    """Two classes: lower and higher digits."""
    return have | {
        "y": (have["y"] > 4).astype(int),
        "yt": (have["yt"] > 4).astype(int),
        "names": ["low", "high"],
    }


def several_labels() -> Given:
    """Digits that are even, or large, or both, or neither."""
    have = digits()
    labels = {y: np.stack([have[y] % 2 == 0, have[y] > 4], 1).astype(np.float32) for y in ("y", "yt")}
    return have | labels | {"names": ["even", "large"]}


def sentences() -> Given:
    have = drawn((6,))
    generator = np.random.default_rng(1)
    for x, y in (("x", "y"), ("xt", "yt")):
        n = len(have[y])
        have[x] = {
            "input_ids": generator.integers(0, 6, (n, 6)) + 6 * have[y][:, None],
            "attention_mask": (np.arange(6) < generator.integers(3, 7, (n, 1))).astype(int),
        }
    return have


def pair(*shapes: tuple[int, ...]) -> Any:
    def have() -> Given:
        several = [drawn(shape) for shape in shapes]
        return several[0] | {key: tuple(part[key] for part in several) for key in ("x", "xt")}

    return have


def convolutions() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(288, 10)
    )


def fully_convolutional() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 10, 1), nn.Flatten()
    )


def frozen() -> nn.Sequential:
    network = body()
    for weight in network[1].parameters():
        weight.requires_grad = False
    return network


def in_place() -> nn.Module:
    network = body()
    network.compile(backend="eager")
    return network


def with_script(compiling: Any) -> Any:
    def given() -> Given:
        have = with_network(body)()
        return have | {"network": have["model"], "model": compiling(have["model"])}

    return given


ORIGINAL = RECORD.replace("folder, model", "folder, network")
SERIES = RECORD.replace("classes=names", "classes=names, images=False")
LAYER = RECORD.replace("classes=names", 'classes=names, layer="{}"')

NETWORKS = [
    Situation("a multilayer perceptron", with_network(body), RECORD),
    Situation("a convolutional network with batch norm and dropout", with_network(convolutions), RECORD),
    Situation("bytes that the network scales itself", with_network(Bytes, as_bytes), RECORD),
    Situation("a network in bfloat16", with_network(lambda: Cast(body(), torch.bfloat16)), RECORD),
    Situation("a network in double precision", with_network(lambda: Cast(body(), torch.float64)), RECORD),
    Situation("a frozen body with a head that learns", with_network(frozen), RECORD),
    Situation("lazy layers", with_network(lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(10))), RECORD),
    Situation(
        "weight norm and spectral norm",
        with_network(
            lambda: nn.Sequential(
                nn.Flatten(),
                parametrizations.weight_norm(nn.Linear(64, 16)),
                nn.ReLU(),
                parametrizations.spectral_norm(nn.Linear(16, 10)),
            )
        ),
        RECORD,
    ),
    Situation(
        "no last linear layer: convolutions to the end",
        with_network(fully_convolutional),
        RECORD,
        says="must have an nn.Linear to split at.*layer=<name>",
        cure=LAYER.format("2"),
    ),
    Situation("cosines with prototypes", with_network(Cosine), RECORD),
    # What it returns
    Situation(
        "an object with .logits",
        with_network(lambda: Returning(body(), output), own=lambda r: r.logits),
        RECORD,
    ),
    Situation(
        "a dict",
        with_network(lambda: Returning(body(), lambda z: {"scores": z}), own=lambda r: r["scores"]),
        RECORD,
    ),
    Situation(
        "a tuple of logits and a loss",
        with_network(lambda: Returning(body(), lambda z: (z.sum(), z)), own=lambda r: r[1]),
        RECORD,
        warns="its part 1",
    ),
    Situation(
        "two heads in a dict", with_network(TwoHeads, own=lambda r: r["logits"]), RECORD, warns="'logits'"
    ),
    Situation(
        "one logit (BCEWithLogitsLoss)",
        with_network(lambda: body(nn.Linear(16, 1)), lambda: halves(digits()), own=binary),
        RECORD,
    ),
    Situation(
        "one logit without its column",
        with_network(
            lambda: Returning(body(nn.Linear(16, 1)), lambda z: z[:, 0]), lambda: halves(digits()), own=binary
        ),
        RECORD,
    ),
    Situation(
        "one sigmoid (BCELoss)",
        with_network(
            lambda: body(nn.Linear(16, 1), nn.Sigmoid()),
            lambda: halves(digits()),
            own=lambda p: binary(p.logit()),
        ),
        RECORD,
        warns="leave a sigmoid",
    ),
    Situation(
        "a softmax at the end",
        with_network(lambda: body(nn.Linear(16, 10), nn.Softmax(1)), own=torch.log),
        RECORD,
        warns="sum to one",
    ),
    Situation(
        "a log-softmax at the end", with_network(lambda: body(nn.Linear(16, 10), nn.LogSoftmax(1))), RECORD
    ),
    Situation(
        "a sigmoid for each class",
        with_network(lambda: body(nn.Linear(16, 10), nn.Sigmoid()), own=torch.logit),
        RECORD,
        warns="leave a sigmoid",
    ),
    Situation(
        "several labels a sample (BCEWithLogitsLoss)",
        with_network(lambda: body(nn.Linear(16, 2)), several_labels, own=lambda z: binary(z[:, 1]), steps=0),
        RECORD,
        says=r"one label at a time: Recorder\(label=",
        cure=RECORD.replace("classes=names", 'classes=names, label="large"'),
    ),
    Situation(
        "a map of pixels, as segmentation returns",
        with_network(lambda: nn.Sequential(nn.Conv2d(1, 10, 3)), own=lambda z: z.mean((2, 3)), steps=0),
        RECORD,
        says="must have an nn.Linear to split at.*layer=<name>",
        cure="model = nn.Sequential(model, nn.AdaptiveAvgPool2d(1), nn.Flatten())" + LAYER.format("1"),
    ),
    # What it takes
    Situation(
        "token numbers and a mask, by name", with_network(Tokens, sentences), RECORD, warns="cannot be mixed"
    ),
    Situation(
        "a picture and a row of a table, in order",
        with_network(PictureAndTable, pair((1, 8, 8), (3,))),
        RECORD,
        warns="cannot be mixed",
    ),
    Situation("an LSTM on series", with_network(lambda: Recurrent(nn.LSTM), lambda: drawn((7, 4))), SERIES),
    Situation("a GRU on series", with_network(lambda: Recurrent(nn.GRU), lambda: drawn((7, 4))), SERIES),
    Situation(
        "convolutions over series",
        with_network(
            lambda: nn.Sequential(
                nn.Conv1d(2, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)
            ),
            lambda: drawn((2, 9)),
        ),
        SERIES,
    ),
    Situation("a transformer's encoder", with_network(Attentive, lambda: drawn((7, 4))), SERIES),
    Situation(
        "volumes",
        with_network(
            lambda: nn.Sequential(
                nn.Conv3d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, 3)
            ),
            lambda: drawn((1, 5, 5, 5)),
        ),
        RECORD,
    ),
    Situation(
        "graphs: nodes and edges", with_network(Graph, pair((5, 4), (5, 5))), RECORD, warns="cannot be mixed"
    ),
    Situation(
        "a table of columns",
        with_network(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), lambda: drawn((6,))),
        RECORD,
    ),
    Situation(
        "a thousand classes", with_network(lambda: nn.Linear(6, 1000), lambda: drawn((6,), 1000)), RECORD
    ),
    # Where it runs
    Situation("compiled in place, model.compile()", with_network(in_place), RECORD),
    Situation("torch.compile", with_network(lambda: compiled(body()), steps=0), RECORD),
    Situation("DataParallel", with_network(lambda: nn.DataParallel(body())), RECORD),
    Situation(
        "traced by TorchScript",
        with_script(
            lambda network: torch.jit.trace(network, torch.zeros(2, 1, 8, 8))  # type: ignore[no-untyped-call]
        ),
        RECORD,
        says="TorchScript. Pass the torch module it was made from",
        cure=ORIGINAL,
    ),
    Situation(
        "scripted by TorchScript",
        with_script(torch.jit.script),
        RECORD,
        says="TorchScript. Pass the torch module it was made from",
        cure=ORIGINAL,
    ),
    Situation(
        "captured under autocast",
        with_network(body),
        RECORD.replace("recorder.capture", 'with torch.autocast("cpu", torch.bfloat16): recorder.capture'),
    ),
    Situation(
        "float64 as the default dtype",
        with_network(lambda: Cast(body(), torch.float64)),
        "torch.set_default_dtype(torch.float64)\ntry:"
        + RECORD.replace("\n", "\n    ")
        + "\nfinally:\n    torch.set_default_dtype(torch.float32)",
    ),
    Situation(
        "a head replaced after the Recorder was made",
        with_network(body),
        RECORD.replace("recorder.capture", "model[3] = nn.Linear(16, 10)\nrecorder.capture"),
        says="Make the Recorder once the model is complete",
        cure="model[3] = nn.Linear(16, 10)" + RECORD,
    ),
    Situation(
        "a network on the meta device",
        with_network(lambda: body().to("meta"), steps=0),
        RECORD,
        says="Load its weights first",
        cure="model.to_empty(device='cpu')\nfor weight in model.parameters(): nn.init.normal_(weight)"
        + RECORD,
    ),
]
