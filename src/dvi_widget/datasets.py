"""Data sets as arrays: scikit-learn's digits, IDX files, picture folders and archives."""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .arrays import check_path
from .progress import progress_bar

__all__ = ["digits", "idx", "image_folder"]

Samples = tuple[NDArray[np.uint8], NDArray[np.int64]]

_PICTURE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
# Usual names of the folders of training pictures and of those held back, in lower case.
_TRAIN = {"train", "training"}
_HELD_OUT = {"test", "testing", "val", "valid", "validation"}
# Pillow's modes of eight bits per value, so that nothing is lost or clipped.
_GREY = {"1", "L", "LA"}
_COLOUR = {"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}


def digits(*, test_fraction: float = 0.25, seed: int = 0) -> tuple[Samples, Samples, list[str]]:
    """Return the 1,797 handwritten digits that come with scikit-learn (UCI, 8 × 8 pixels).

    Parameters
    ----------
    test_fraction : float
        Share of each class that becomes test samples, in (0, 1).
    seed : int
        Seed of the stratified split.

    Returns
    -------
    (x, y), (xt, yt), classes
        x : uint8 ``[n, 1, 8, 8]``, 0 to 255; y : int64 ``[n]``; the same for test samples; classes : the
        names "0" to "9".

    Examples
    --------
    >>> (x, y), (xt, yt), classes = digits()
    >>> x.shape, xt.shape
    ((1347, 1, 8, 8), (450, 1, 8, 8))
    """
    from sklearn.datasets import load_digits  # noqa: PLC0415 - costs most of a second

    data = load_digits()
    x = np.rint(data.images * (255 / 16)).astype(np.uint8)[:, None]
    classes = [str(name) for name in data.target_names]
    return *_split(x, data.target.astype(np.int64), classes, test_fraction, seed), classes


def idx(folder: str | Path) -> tuple[Samples, Samples, list[str]]:
    """Read a data set in MNIST's IDX format.

    Parameters
    ----------
    folder : str or Path
        With four files, plain or ``.gz``, under their usual names: ``train-images-idx3-ubyte``,
        ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte``, ``t10k-labels-idx1-ubyte``.

    Returns
    -------
    (x, y), (xt, yt), classes
        x : uint8 ``[n, 1, H, W]``; y : int64 ``[n]``; the same for test samples; classes : the labels as
        names.

    Raises
    ------
    FileNotFoundError
        If the folder or one of the files does not exist.
    ValueError
        If a file is damaged, holds something else than its name says, or does not fit its partner.
    """
    root = check_path("folder", folder)
    if not root.is_dir():
        raise FileNotFoundError(f"folder must be the one with the four IDX files; got {root}, not a folder.")
    parts = []
    for split in ("train", "t10k|test"):
        images, labels = _idx_file(root, split, "images"), _idx_file(root, split, "labels")
        x, y = _read_idx(images), _read_idx(labels)
        if x.ndim != 3:
            raise ValueError(f"{images} must hold pictures [n, H, W]; got shape {x.shape}.")
        if y.shape != (len(x),):
            raise ValueError(
                f"{labels} must hold {len(x)} labels, one per picture of {images.name}; got shape {y.shape}."
            )
        parts.append((x[:, None], y.astype(np.int64)))
    train, test = parts
    classes = [str(label) for label in range(1 + int(max(train[1].max(initial=0), test[1].max(initial=0))))]
    return train, test, classes


def image_folder(
    path: str | Path, *, size: tuple[int, int] | None = None, test_fraction: float = 0.25, seed: int = 0
) -> tuple[Samples, Samples, list[str]]:
    """Read pictures that are sorted into folders by class, from a folder or an archive.

    Either a folder of training pictures beside one of test pictures, ``train/<class>/…`` and
    ``test/<class>/…``, or just ``<class>/…``, which is then split class by class; enclosing folders are
    ignored. The two may also be called ``training`` and ``testing``, ``val``, ``valid`` or ``validation``, in
    any case. Transparent pictures are laid on white; all are turned as their EXIF data say. Archives (zip,
    tar, and tar compressed by gzip, bzip2 or xz) are read in one pass and never unpacked to the disk.

    Parameters
    ----------
    path : str or Path
        The folder or archive.
    size : (int, int), optional
        Height and width to resize the pictures to; not needed if they are all of one size.
    test_fraction, seed : float, int
        If there is no ``test`` folder: the share of each class that becomes test samples, and the seed of
        that choice.

    Returns
    -------
    (x, y), (xt, yt), classes
        x : uint8 ``[n, C, H, W]`` in the order of the files' names, C being 1 if all pictures are grey, else
        3; y : int64 ``[n]``; the same for test samples; classes : sorted names of the class folders.

    Raises
    ------
    FileNotFoundError
        If the path does not exist.
    ValueError
        If there are no pictures in class folders, if what look like splits hold the same class folders under
        other names, or if a picture is damaged or of another size.
    """
    root = check_path("path", path)
    if not root.exists():
        raise FileNotFoundError(
            f"path must be a folder or an archive of pictures; got {root}, which does not exist."
        )
    pictures: dict[PurePosixPath, NDArray[np.uint8]] = {}
    colour = False
    for name, file in _pictures(root):
        pixels, coloured = _decode(root, name, file, size)
        first = next(iter(pictures.values()), pixels)
        if pixels.shape != first.shape:
            raise ValueError(
                f"{root} must hold pictures of one size; got {name} of {pixels.shape[1]} × {pixels.shape[2]} "
                f"pixels after {first.shape[1]} × {first.shape[2]}. Pass size=(height, width) to resize them."
            )
        pictures[name] = pixels
        colour |= coloured
    if not pictures:
        raise ValueError(f"{root} must hold pictures ({', '.join(sorted(_PICTURE_SUFFIXES))}); got none.")
    return _by_class(root, pictures, 3 if colour else 1, test_fraction, seed)


def _by_class(
    root: Path,
    pictures: dict[PurePosixPath, NDArray[np.uint8]],
    channels: int,
    test_fraction: float,
    seed: int,
) -> tuple[Samples, Samples, list[str]]:
    """Return arrays, labels and class names from pictures and their paths."""
    names = sorted(pictures)
    parts = [name.parts for name in names]
    while min(map(len, parts)) > 2 and len({p[0] for p in parts}) == 1:
        parts = [p[1:] for p in parts]
    train = _training_folder(root, parts)
    split = train is not None
    for name, p in zip(names, parts, strict=True):
        if len(p) < 2 + split:
            raise ValueError(
                f"{root} must hold pictures in class folders; got {name} in none. Move it to <class>/ or "
                "train/<class>/."
            )
    classes = sorted({p[int(split)] for p in parts})
    number = {name: i for i, name in enumerate(classes)}
    y = np.array([number[p[int(split)]] for p in parts], np.int64)
    x = np.stack([pictures.pop(name)[:channels] for name in names])
    if not split:
        return *_split(x, y, classes, test_fraction, seed), classes
    of_train = np.array([p[0] == train for p in parts])
    return (x[of_train], y[of_train]), (x[~of_train], y[~of_train]), classes


def _training_folder(root: Path, parts: list[tuple[str, ...]]) -> str | None:
    """Return the folder of training pictures among paths, beside one of test pictures; None without splits.

    Raises
    ------
    ValueError
        If there are other folders beside the two, or if all folders hold the same folders, so that they look
        like splits under other names.
    """
    tops = sorted({p[0] for p in parts})
    train = [top for top in tops if top.lower() in _TRAIN]
    held_out = [top for top in tops if top.lower() in _HELD_OUT]
    inside = {top: {p[1] for p in parts if p[0] == top and len(p) > 2} for top in tops}
    if train and held_out:
        others = [top for top in tops if top not in (*train, *held_out[:1])]
        if others:
            raise ValueError(
                f"{root} must hold one folder of training and one of test pictures alone; got "
                f"{', '.join(others)} beside {train[0]} and {held_out[0]}. Move the rest elsewhere."
            )
        return train[0]
    first = inside[tops[0]]
    if len(tops) > 1 and len(first) > 1 and all(inside[top] == first for top in tops):
        raise ValueError(
            f"{root} must hold train and test, or class folders; got {', '.join(tops)}, which all hold the "
            f"same folders, {', '.join(sorted(first))}. If they are splits, name them train and test; if "
            "they are classes, keep the pictures right inside them."
        )
    return None


def _split(
    x: NDArray[np.uint8], y: NDArray[np.int64], classes: list[str], test_fraction: float, seed: int
) -> tuple[Samples, Samples]:
    """Split samples into training and test samples, class by class, keeping their order."""
    from sklearn.model_selection import train_test_split  # noqa: PLC0415 - costs most of a second

    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction must be between 0 and 1; got {test_fraction}.")
    counts = np.bincount(y, minlength=len(classes))
    few = np.minimum(counts * test_fraction, counts * (1 - test_fraction)) < 0.5
    if few.any():
        c = int(few.argmax())
        raise ValueError(
            f"test_fraction must leave every class training and test samples; got {test_fraction} for the "
            f"{counts[c]} samples of class {classes[c]!r}."
        )
    train, test = train_test_split(np.arange(len(y)), test_size=test_fraction, stratify=y, random_state=seed)
    train, test = np.sort(train), np.sort(test)
    return (x[train], y[train]), (x[test], y[test])


def _pictures(root: Path) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    """Yield names and contents of all pictures in a folder or archive, with a progress bar."""
    if root.is_dir():
        return _in_folder(root)
    if zipfile.is_zipfile(root):
        return _in_zip(root)
    if tarfile.is_tarfile(root):
        return _in_tar(root)
    raise ValueError(f"path must be a folder, or a zip or tar archive; got {root}.")


def _is_picture(name: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.parts)
    return name.suffix.lower() in _PICTURE_SUFFIXES and not hidden


def _inside(root: Path, name: str) -> PurePosixPath:
    """Return the path of an archive's entry, after checking that it stays inside."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{root} must hold entries inside itself; got {name}. Do not trust this archive.")
    return path


def _in_folder(root: Path) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    names, seen = [], set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            # A link that leads back up would be followed forever.
            folders.clear()
            continue
        seen.add(real)
        names += [PurePosixPath(Path(folder, file).relative_to(root).as_posix()) for file in files]
    for name in progress_bar(
        sorted(filter(_is_picture, names)), desc=f"reading {root.name}", unit="picture", leave=False
    ):
        with (root / name).open("rb") as file:
            yield name, file


def _in_zip(root: Path) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    with zipfile.ZipFile(root) as archive:
        entries = [entry for entry in archive.infolist() if _is_picture(_inside(root, entry.filename))]
        for entry in progress_bar(entries, desc=f"reading {root.name}", unit="picture", leave=False):
            try:
                content = archive.read(entry)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
                raise ValueError(
                    f"{root} is damaged: {entry.filename} cannot be unpacked ({error})."
                ) from error
            yield PurePosixPath(entry.filename), io.BytesIO(content)


def _in_tar(root: Path) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    # As a stream, because a list of the members would decompress the archive once more.
    size = root.stat().st_size
    with (
        root.open("rb") as raw,
        progress_bar(total=size, desc=f"reading {root.name}", unit="B", unit_scale=True, leave=False) as bar,
    ):
        try:
            with tarfile.open(fileobj=raw, mode="r|*") as archive:
                for member in archive:
                    bar.update(raw.tell() - bar.n)
                    name = _inside(root, member.name)
                    file = archive.extractfile(member) if member.isfile() and _is_picture(name) else None
                    if file is not None:
                        yield name, io.BytesIO(file.read())
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise ValueError(f"{root} is damaged: the archive cannot be read ({error}).") from error


def _decode(
    root: Path, name: PurePosixPath, file: IO[bytes], size: tuple[int, int] | None
) -> tuple[NDArray[np.uint8], bool]:
    """Return the pixels of a picture, [3, H, W], and whether it is in colour."""
    try:
        with Image.open(file) as image:
            mode, rgb = image.mode, _upright(image)
            if size is not None:
                rgb = rgb.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            pixels = np.asarray(rgb).transpose(2, 0, 1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{root} is damaged: picture {name} cannot be read ({error}).") from error
    if mode not in _GREY | _COLOUR:
        raise ValueError(
            f"{root} must hold pictures of eight bits per value; got {name} of Pillow's mode {mode}."
        )
    return pixels, mode in _COLOUR


def _upright(image: Image.Image) -> Image.Image:
    """Return a picture in RGB as people see it: turned as its camera noted, laid on white if transparent."""
    turned = ImageOps.exif_transpose(image)
    if not turned.has_transparency_data:
        return turned.convert("RGB")
    layer = turned.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _idx_file(root: Path, split: str, kind: str) -> Path:
    """Return the one file of a split and kind."""
    pattern = re.compile(rf"(?:.*[-_.])?(?:{split})[-_.]{kind}[-_.]idx\d(?:[-_.]ubyte)?(\.gz)?")
    files = sorted(file for file in root.iterdir() if pattern.fullmatch(file.name))
    # Of a file that is there plain and compressed, the plain one is faster.
    files = [file for file in files if file.suffix != ".gz" or file.with_suffix("") not in files]
    if len(files) == 1:
        return files[0]
    usual = f"{split.partition('|')[0]}-{kind}-idx{3 if kind == 'images' else 1}-ubyte"
    if not files:
        raise FileNotFoundError(f"folder must hold {usual}, plain or .gz; got {root} without it.")
    listed = ", ".join(file.name for file in files)
    raise ValueError(f"folder must hold one file for {usual}; got {listed} in {root}.")


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file: two zero bytes, type, number of dimensions, sizes (big-endian), values."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged: it cannot be decompressed ({error}).") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(
            f"{path} must be an IDX file of bytes, which begins with 00 00 08; got {content[:3].hex(' ')!r}."
        )
    start = 4 + 4 * content[3]
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], ">u4"))
    if len(content) - start != int(np.prod(shape)):
        raise ValueError(
            f"{path} is damaged: it holds {len(content) - start} bytes for an array of shape {shape}."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()
