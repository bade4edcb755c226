"""Damages a recorded run in every way that comes to mind, and counts what its readers make of it.

    python tests/fuzz/folders.py 5000

So many mutants of a run, and a tenth as many of the file of an autoencoder. Each mutant is a copy with
one thing changed: bytes of a file, a value in its JSON, its name, what it is. All that a reader can be
asked is then asked. An answer is right (the same as before the change), or a clear error (one of ours,
which names the folder or something in it); everything else is a defect: raw (another error), silent
(another answer, and `Run.verify` finds nothing), hang.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from recorded import network, recorder, samples, train  # noqa: E402 - found by the line above

import dvi_widget as dvi  # noqa: E402

HANG_S = 10
N_TRAIN, N_TEST = 40, 10
EPOCHS = 2
MAX_BYTES = 16 << 30  # of address space: a reader that asks for more fails
KINDS = ("right", "clear", "raw", "silent", "hang")

Outcome = tuple[str, str]  # one of KINDS, and what was found


class HangError(BaseException):
    """An answer took longer than HANG_S seconds; no reader catches this."""


class Mutant(NamedTuple):
    """A change: its description, and a function that makes it in a folder."""

    name: str
    change: Callable[[Path], None]


def record(folder: Path) -> None:
    """Record and fit the run that is damaged."""
    (x, y), (xt, yt), _ = samples(N_TRAIN, N_TEST)
    model = network()
    recording = recorder(
        folder,
        model,
        train=(x, y),
        test=(xt, yt),
        groups={"flipped": np.arange(N_TRAIN) % 7 == 0},
        images=(x, xt),
    )
    for epoch in range(EPOCHS):
        recording.capture(epoch, scalars={"loss": train(model, x, y, seed=epoch)})
    dvi.DVI().fit(dvi.Run(folder))


# What a reader may be asked, and a digest of its answer.


def digest(value: Any) -> str:
    """Digest of an answer, whatever it is."""
    if isinstance(value, np.ndarray):
        value = (value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes())
    return hashlib.sha256(repr(value).encode()).hexdigest()


def questions(folder: Path, *, fitting: bool) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is asked of a run's folder, one by one."""
    run = functools.cache(lambda: dvi.Run(folder, network()))
    yield "open", lambda: (run().classes, run().n_train, run().n_test)
    yield "epochs", lambda: run().epochs
    yield "samples", lambda: list(run().samples.to_csv())
    yield "scalars", lambda: list(run().scalars.to_csv())
    yield "images", lambda: np.array(run().images)
    yield "inputs", lambda: np.array(run().inputs("all"))
    for epoch in range(EPOCHS):
        yield f"features {epoch}", lambda e=epoch: np.array(run().features(e, "all"))
        yield f"logits {epoch}", lambda e=epoch: np.array(run().logits(e, "all"))
        yield (
            f"boundary {epoch}",
            lambda e=epoch: [digest(np.array(run().boundary(e, s))) for s in ("train", "test")],
        )
        yield f"head {epoch}", lambda e=epoch: [digest(part) for part in run().linear_head(e) or ()]
        yield (
            f"weights {epoch}",
            lambda e=epoch: [digest(t.numpy()) for t in run().subject(e).model.state_dict().values()],
        )
    if fitting:
        yield (
            "map",
            lambda: [digest(frame.positions) for frame in dvi.DVI().fit(run()).landscape(resolution=16)],
        )


def train_autoencoder(folder: Path) -> None:
    """Train and save the autoencoder whose file is damaged."""
    (x, _), *_ = samples(N_TRAIN, N_TEST)
    folder.mkdir()
    dvi.VAE(epochs=1).fit(x).save(folder / "vae.safetensors")


def questions_of_autoencoder(folder: Path, *, fitting: bool) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is asked of an autoencoder's file."""
    del fitting

    def load() -> list[Any]:
        vae = dvi.VAE.load(folder / "vae.safetensors")
        network = [digest(tensor.numpy()) for tensor in vae._network.state_dict().values()]
        return [
            vae.get_params(),
            vae.shape_,
            vae.limits_,
            vae.steps_,
            vae.history_,
            digest(vae.ranges_),
            network,
        ]

    yield "load", load


def verify(folder: Path) -> None:
    """Have a run look for what was changed."""
    dvi.Run(folder, network()).verify()


def judge(
    folder: Path,
    wanted: dict[str, str],
    ask_of: Callable[..., Iterator[tuple[str, Callable[[], Any]]]],
    *,
    fitting: bool,
) -> Outcome:
    """Ask everything of a folder, and return the worst outcome with what was found."""
    worst = ("right", "")
    differing = ""

    def worse(kind: str, found: str) -> None:
        nonlocal worst
        if KINDS.index(kind) > KINDS.index(worst[0]):
            worst = (kind, found)

    for name, ask in ask_of(folder, fitting=fitting):
        kind, found = asked(ask, folder)
        if kind != "right":
            worse(kind, f"{name}: {found}")
            if kind == "hang":
                break
        elif found != wanted[name]:
            differing = differing or name
    if differing and worst[0] == "right":
        kind, found = asked(lambda: verify(folder), folder)
        worse("silent" if kind == "right" else kind, f"{differing}: {found}")
    return worst


def asked(ask: Callable[[], Any], folder: Path) -> Outcome:
    """Ask one thing."""
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG_S)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return "right", digest(ask())
    except HangError:
        return "hang", ""
    except (dvi.RunError, ValueError, OSError, RuntimeError) as error:
        # Ours are sentences about the folder or about what was asked; others are about themselves.
        ours = str(folder) in str(error) and str(error).endswith(".") and type(error) is not OSError
        kind = "clear" if ours or str(error).startswith("epoch must be a recorded number") else "raw"
        return kind, f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a defect
        return "raw", f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)


def stop(*_: object) -> None:
    raise HangError


# What is changed.


def files_of(folder: Path) -> list[Path]:
    """All files, relative to the folder."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def mutant(pristine: Path, draw: random.Random) -> Mutant:
    """Draw a change."""
    file = draw.choice(files_of(pristine))
    size = (pristine / file).stat().st_size
    makers = [_flip, _flip, _cut, _grow, _zeros, _noise, _exchange, _become, _rename, _missing]
    if file.suffix == ".json":
        makers += [_edit_json] * 12
    if file.suffix == ".npy":
        makers += [_edit_header] * 8
    if file.suffix == ".safetensors":
        makers += [_edit_tensors] * 8
    make = draw.choice(makers)
    return make(file, size, draw, pristine)


def _flip(file: Path, size: int, draw: random.Random, _: Path) -> Mutant:
    at, bit = draw.randrange(max(1, min(size, draw.choice([16, 128, size])))), draw.randrange(8)

    def change(folder: Path) -> None:
        content = bytearray((folder / file).read_bytes())
        content[at] ^= 1 << bit
        (folder / file).write_bytes(content)

    return Mutant(f"flip bit {bit} of byte {at} of {file}", change)


def _cut(file: Path, size: int, draw: random.Random, _: Path) -> Mutant:
    length = draw.choice([0, 1, 9, size // 2, max(0, size - 1), draw.randrange(max(1, size))])
    return Mutant(
        f"cut {file} to {length} bytes", lambda folder: os.truncate(folder / file, min(length, size))
    )


def _grow(file: Path, size: int, draw: random.Random, _: Path) -> Mutant:
    del size
    more = draw.randbytes(draw.choice([1, 16, 4096]))

    def change(folder: Path) -> None:
        with (folder / file).open("ab") as opened:
            opened.write(more)

    return Mutant(f"append {len(more)} bytes to {file}", change)


def _zeros(file: Path, size: int, draw: random.Random, _: Path) -> Mutant:
    start = draw.randrange(max(1, size))
    end = min(size, start + draw.choice([1, 64, size]))

    def change(folder: Path) -> None:
        content = bytearray((folder / file).read_bytes())
        content[start:end] = bytes(end - start)
        (folder / file).write_bytes(content)

    return Mutant(f"zero bytes {start} to {end} of {file}", change)


def _noise(file: Path, size: int, draw: random.Random, _: Path) -> Mutant:
    noise = draw.randbytes(draw.choice([0, 1, 100, size]))
    return Mutant(
        f"{len(noise)} random bytes as {file}", lambda folder: (folder / file).write_bytes(noise) and None
    )


def _exchange(file: Path, size: int, draw: random.Random, pristine: Path) -> Mutant:
    del size
    alike = [other for other in files_of(pristine) if other.suffix == file.suffix and other != file] or [file]
    other = (
        draw.choice([o for o in alike if o.name == file.name] or alike)
        if draw.random() < 0.7
        else draw.choice(alike)
    )

    def change(folder: Path) -> None:
        one, two = (folder / file).read_bytes(), (folder / other).read_bytes()
        (folder / file).write_bytes(two)
        (folder / other).write_bytes(one)

    return Mutant(f"exchange {file} and {other}", change)


def _become(file: Path, size: int, draw: random.Random, _: Path) -> Mutant:
    del size
    kind = draw.choice(
        ["folder", "fifo", "dangling link", "link to /dev/zero", "link to itself", "unreadable"]
    )

    def change(folder: Path) -> None:
        path = folder / file
        if kind == "unreadable":
            path.chmod(0)
            return
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            path.symlink_to(
                {"dangling link": "nowhere", "link to /dev/zero": "/dev/zero"}.get(kind, path.name)
            )

    return Mutant(f"{file} becomes {kind}", change)


def _kept(file: Path, pristine: Path) -> Path:
    """The file, or another in place of a group's: a group that is not there may have been removed by hand."""
    return next(other for other in (file, *files_of(pristine)) if other.parts[0] != "groups")


def _rename(file: Path, size: int, draw: random.Random, pristine: Path) -> Mutant:
    del size
    file = _kept(file, pristine)
    part = draw.choice([file, *list(file.parents)[:-1]])
    name = draw.choice(
        [
            "000007\n",
            "٠٠٠٠٠٣",
            "000003",
            "000001.1",
            "000002.aside",
            "x" * 200,
            "label.npy",
            "%00.npy",
            "split.npy",
            "000001.99999999999999999999",
        ]
    )
    return Mutant(
        f"rename {part} to {name!r}",
        lambda folder: (folder / part).rename((folder / part).with_name(name)) and None,
    )


def _missing(file: Path, size: int, draw: random.Random, pristine: Path) -> Mutant:
    del size
    file = _kept(file, pristine)
    part = draw.choice([file, *list(file.parents)[:-1]])

    def change(folder: Path) -> None:
        path = folder / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return Mutant(f"remove {part}", change)


VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 10**6, 10**30, 1e308, "", "x", "\ud800", [], {}, [1], {"a": 1}, [[[[]]]],
    ["0"] * 3, -(10**400),
]  # fmt: skip


def _places(content: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _places(value, (*at, name))
    elif isinstance(content, list):
        for index, value in enumerate(content[:3]):
            yield from _places(value, (*at, index))


def _edit_json(file: Path, size: int, draw: random.Random, pristine: Path) -> Mutant:
    del size
    content = json.loads((pristine / file).read_text(encoding="utf-8"))
    special = draw.choice(["", "", "", "", "", "deep", "nan", "digits", "twice", "list"])
    if special == "deep":
        text = "[" * 100_000 + "]" * 100_000
    elif special == "nan":
        text = json.dumps(content).replace("0", "NaN", 1)
    elif special == "digits":
        text = json.dumps(content).replace("0", "9" * 5000, 1)
    elif special == "twice":
        text = json.dumps(content) * 2
    elif special == "list":
        text = json.dumps([content])
    else:
        *above, last = draw.choice(list(_places(content)))
        into = content
        for step in above:
            into = into[step]
        if draw.random() < 0.3:
            del into[last]
            what = f"without {last!r}"
        else:
            value = draw.choice(VALUES)
            into[last] = value
            what = f"with {last!r} as {str(value)[:20]!r}"
        special = f"{[*above]} {what}"
        text = json.dumps(content)
    return Mutant(
        f"{file}: {special}", lambda folder: (folder / file).write_text(text, encoding="utf-8") and None
    )


def _edit_header(file: Path, size: int, draw: random.Random, _: Path) -> Mutant:
    del size
    old, new = draw.choice(
        [
            ("'descr': '", "'descr': '|O' or '"), ("<f4", "<f8"), ("<f4", "<i4"), ("<f4", "|O"),
            ("<i8", "<f8"), ("|b1", "|u1"), ("|u1", "|b1"), ("|u1", "|S1"), ("False", "True"), ("(", "(1, "),
            ("(", "(-"), ("(", "(9999999999999999, "), ("(", "(" * 60), ("(", "(True, "), (",)", ", 0)"),
            ("shape", "form"), ("{", "["), ("}", "} + {}"), ("<f4", ">f4"), ("(", "(1e9, "),
            ("(", "(2**99, "), ("<f4", "<c8"), ("<f4", "<M8"), ("<f4", "('<f4', (2,))"),
            ("'", '"'), (" ", "\n"), (",", ",\t\t \t, "),
        ]
    )  # fmt: skip

    def change(folder: Path) -> None:
        content = (folder / file).read_bytes()
        length = int.from_bytes(content[8:10], "little")
        header = content[10 : 10 + length].decode("latin1").rstrip().replace(old, new, 1)
        padded = header.ljust(length - 1)[: max(length - 1, len(header))] + "\n"
        encoded = padded.encode("latin1")
        (folder / file).write_bytes(
            content[:8] + min(len(encoded), 65535).to_bytes(2, "little") + encoded + content[10 + length :]
        )

    return Mutant(f"{file}: {old!r} in its header becomes {new!r}", change)


def _edit_tensors(file: Path, size: int, draw: random.Random, pristine: Path) -> Mutant:
    del size
    content = (pristine / file).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    names = [name for name in header if name != "__metadata__"]
    name = draw.choice(names)
    entry = header[name]
    what = draw.choice(
        ["dtype", "shape", "turned", "gone", "renamed", "offsets", "length", "deep", "reversed", "added"]
    )
    if what == "dtype":
        entry["dtype"] = draw.choice(["F64", "F16", "I32", "BOOL", "U8", "X9", "BF16", "F8_E4M3"])
    elif what == "shape":
        entry["shape"] = draw.choice([[], [0], [1], [-1], [2**62, 2**62], [*entry["shape"], 1], "x", [1.5]])
    elif what == "turned":
        entry["shape"] = entry["shape"][::-1]
    elif what == "gone":
        del header[name]
    elif what == "renamed":
        header[draw.choice(["", "x", "positions", "weight", "\u0000"])] = header.pop(name)
    elif what == "offsets":
        entry["data_offsets"] = draw.choice([[0, 0], [0, 2**60], [-1, 4], [4, 0], [0, 4]])
    elif what == "added":
        header["more"] = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    text = "[" * 50_000 if what == "deep" else json.dumps(header)
    encoded = text.encode()
    declared = 2**60 if what == "length" else len(encoded)
    payload = content[8 + length :]
    payload = payload[::-1] if what == "reversed" else payload
    return Mutant(
        f"{file}: {what} of {name!r}",
        lambda folder: (
            (folder / file).write_bytes(declared.to_bytes(8, "little") + encoded + payload) and None
        ),
    )


def fuzz(
    count: int, seed: int = 0, *, autoencoder: bool = False, fit_every: int = 10
) -> tuple[Counter[str], list[str]]:
    """Judge so many mutants of a run, or of an autoencoder; count the outcomes, and describe the defects.

    Every so manieth mutant of what is not a map is fitted too; mutants of maps always are.
    """
    make, ask_of = (train_autoencoder, questions_of_autoencoder) if autoencoder else (record, questions)
    draw = random.Random(seed)
    counts: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    defects: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        pristine, folder = Path(place) / "pristine", Path(place) / "run"
        make(pristine)
        shutil.copytree(pristine, folder)
        wanted = {name: digest(ask()) for name, ask in ask_of(folder, fitting=True)}
        for number in range(count):
            shutil.rmtree(folder)
            shutil.copytree(pristine, folder)
            one = mutant(pristine, draw)
            try:
                one.change(folder)
            except OSError:
                continue  # this change cannot be made of this file
            kind, found = judge(folder, wanted, ask_of, fitting="maps" in one.name or number % fit_every == 0)
            counts[kind] += 1
            if kind not in ("right", "clear"):
                defects.append(f"{kind}: {one.name} → {found[:300]}")
    return counts, defects


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for autoencoder, number in ((False, count), (True, max(1, count // 10))):
        counts, defects = fuzz(number, seed, autoencoder=autoencoder)
        for defect in defects:
            print(defect)  # noqa: T201
        what = "files of an autoencoder" if autoencoder else "runs"
        print(f"{what}: {', '.join(f'{kind} {counts[kind]}' for kind in KINDS)}")  # noqa: T201


if __name__ == "__main__":
    main()
