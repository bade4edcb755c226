"""Data sets in one line each: digits, IDX files, picture folders and archives."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from dvi_widget import datasets

# Digits


def test_digits_are_bytes_of_one_channel_split_by_class():
    (x, y), (xt, yt), classes = datasets.digits()
    assert x.shape == (1347, 1, 8, 8)
    assert xt.shape == (450, 1, 8, 8)
    assert x.dtype == xt.dtype == np.uint8
    assert (x.min(), x.max()) == (0, 255)
    assert classes == list("0123456789")
    assert y.dtype == np.int64
    shares = np.bincount(yt) / (np.bincount(y) + np.bincount(yt))
    np.testing.assert_allclose(shares, 0.25, atol=0.01)


def test_the_split_follows_the_seed():
    first, again, other = (datasets.digits(seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first[0][0], again[0][0])
    assert not np.array_equal(first[1][0], other[1][0])


@pytest.mark.parametrize("fraction", [0, 1, -0.5])
def test_a_test_fraction_lies_between_0_and_1(fraction):
    with pytest.raises(ValueError, match="test_fraction"):
        datasets.digits(test_fraction=fraction)


# IDX


def idx_bytes(array, kind=8):
    shape = b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, kind, array.ndim]) + shape + array.tobytes()


def write_idx(folder, *, names="{}-{}-idx{}-ubyte", packed=False, splits=("train", "t10k"), **replaced):
    """Twelve training and five test pictures of 3×4 pixels, of three classes; the arrays written."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in zip(splits, (12, 5), strict=True):
        arrays[split] = rng.integers(256, size=(n, 3, 4), dtype=np.uint8), np.arange(n, dtype=np.uint8) % 3
        for name, array in zip(("images", "labels"), arrays[split], strict=True):
            content = replaced.get(f"{split}_{name}", idx_bytes(array))
            file = folder / (names.format(split, name, array.ndim) + (".gz" if packed else ""))
            file.write_bytes(gzip.compress(content) if packed else content)
    return arrays


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"packed": True},
        {"names": "{}-{}.idx{}-ubyte"},
        {"names": "emnist-digits-{}-{}-idx{}-ubyte", "splits": ("train", "test")},
    ],
)
def test_idx_files_are_read_under_their_usual_names(tmp_path, options):
    written = write_idx(tmp_path, **options)
    *pairs, classes = datasets.idx(tmp_path)
    for (x, y), (images, labels) in zip(pairs, written.values(), strict=True):
        np.testing.assert_array_equal(x, images[:, None])
        np.testing.assert_array_equal(y, labels)
        assert (x.dtype, y.dtype) == (np.uint8, np.int64)
    assert classes == ["0", "1", "2"]


def test_an_idx_file_both_plain_and_packed_is_one_file(tmp_path):
    written = write_idx(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"never read")
    np.testing.assert_array_equal(datasets.idx(tmp_path)[0][0][:, 0], written["train"][0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"train_images": b"\x89PNG"}, r"train-images.* must be an IDX file"),
        ({"train_images": b""}, r"train-images.* must be an IDX file"),
        (
            {"train_images": idx_bytes(np.zeros((12, 3, 4), np.uint8))[:-1]},
            r"train-images.* is damaged: it holds 143 bytes",
        ),
        (
            {"train_images": idx_bytes(np.zeros(12, np.uint8))},
            r"train-images.* must hold pictures .*n, H, W",
        ),
        (
            {"train_images": idx_bytes(np.zeros((12, 3, 4), ">i4"), kind=12)},
            r"train-images.*IDX file of bytes",
        ),
        ({"t10k_labels": idx_bytes(np.zeros(4, np.uint8))}, r"t10k-labels.* must hold 5 labels"),
    ],
)
def test_a_damaged_idx_file_is_named(tmp_path, options, words):
    write_idx(tmp_path, **options)
    with pytest.raises(ValueError, match=words):
        datasets.idx(tmp_path)


@pytest.mark.parametrize("keep", [0, 30, -8])
def test_a_damaged_packed_file_is_named(tmp_path, keep):
    write_idx(tmp_path, packed=True)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"train-images.*(damaged|must be an IDX)"):
        datasets.idx(tmp_path)


def test_missing_and_ambiguous_idx_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"folder must be .*, not a folder"):
        datasets.idx(tmp_path / "none")
    write_idx(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").rename(tmp_path / "labels")
    with pytest.raises(FileNotFoundError, match="folder must hold t10k-labels-idx1-ubyte"):
        datasets.idx(tmp_path)
    (tmp_path / "labels").rename(tmp_path / "t10k-labels-idx1-ubyte")
    write_idx(tmp_path, names="letters-{}-{}-idx{}-ubyte")
    with pytest.raises(ValueError, match="one file for train-images"):
        datasets.idx(tmp_path)


# Picture folders and archives


def png(seed, *, mode="RGB", size=(5, 4)):
    """A PNG of random pixels (lossless), and its pixels as [C, H, W]."""
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels, mode).save(buffer, "PNG")
    return buffer.getvalue(), np.atleast_3d(pixels).transpose(2, 0, 1)


def write(files, path, kind):
    """Write name → bytes as a folder or an archive at a path."""
    if kind == "folder":
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, f"w:{kind.partition('.')[2]}") as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return path


KINDS = ["folder", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("around", ["", "set-1/", "a/b/"])
def test_train_and_test_folders_of_classes_are_read_in_the_order_of_their_names(tmp_path, kind, around):
    names = [
        f"{split}/{c}/{i}.png"
        for split, n in (("train", 3), ("test", 2))
        for c in ("dog", "Cat", "owl & <b>")
        for i in range(n)
    ]
    pictures = {name: png(seed) for seed, name in enumerate(names)}
    shuffled = np.random.default_rng(0).permutation(names)
    files = {around + name: pictures[name][0] for name in shuffled}
    files |= {around + "README.md": b"read me", "__MACOSX/._1.png": b"no", around + "train/.x/0.png": b"no"}
    (x, y), (xt, yt), classes = datasets.image_folder(write(files, tmp_path / f"p.{kind}", kind))
    assert classes == ["Cat", "dog", "owl & <b>"]
    assert y.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert yt.tolist() == [0, 0, 1, 1, 2, 2]
    for split, found in (("train", x), ("test", xt)):
        wanted = [pictures[name][1] for name in sorted(names) if name.startswith(split)]
        np.testing.assert_array_equal(found, wanted)
    assert list(tmp_path.iterdir()) == [tmp_path / f"p.{kind}"]


def test_class_folders_alone_are_split_by_class(tmp_path):
    files = {f"pets/{c}/{i}.png": png(i)[0] for c in ("cat", "dog") for i in range(8)}
    folder = write(files, tmp_path / "p", "folder")
    (_, y), (_, yt), classes = datasets.image_folder(folder)
    assert classes == ["cat", "dog"]
    assert (np.bincount(y).tolist(), np.bincount(yt).tolist()) == ([6, 6], [2, 2])
    (again, _), *_ = datasets.image_folder(folder)
    (other, _), *_ = datasets.image_folder(folder, seed=1)
    assert not np.array_equal(again, other)


def test_a_class_may_be_called_train(tmp_path):
    files = {f"{c}/{i}.png": png(i)[0] for c in ("train", "bus") for i in range(4)}
    *_, classes = datasets.image_folder(write(files, tmp_path / "p", "folder"))
    assert classes == ["bus", "train"]


@pytest.mark.parametrize(
    ("train", "held_out"),
    [
        ("train", "val"),
        ("train", "valid"),
        ("Train", "Test"),
        ("training", "testing"),
        ("TRAIN", "validation"),
    ],
)
def test_splits_under_other_usual_names_are_splits_and_no_classes(tmp_path, train, held_out):
    files = {
        f"set/{split}/{c}/{i}.png": png(i)[0]
        for split, n in ((train, 3), (held_out, 2))
        for c in ("cat", "dog")
        for i in range(n)
    }
    (_, y), (_, yt), classes = datasets.image_folder(write(files, tmp_path / "p", "folder"))
    assert (y.tolist(), yt.tolist(), classes) == ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1], ["cat", "dog"])


def test_folders_that_look_like_splits_under_unknown_names_are_refused(tmp_path):
    files = {f"{a}/{c}/{i}.png": png(i)[0] for a in ("fold1", "fold2") for c in ("x", "y") for i in range(4)}
    with pytest.raises(ValueError, match=r"got fold1, fold2, which all hold the same folders, x, y"):
        datasets.image_folder(write(files, tmp_path / "p", "folder"))


def test_a_transparent_picture_lies_on_white(tmp_path):
    def clear(mode, colour, **options):
        buffer, picture = io.BytesIO(), Image.new(mode, (5, 4), colour)
        if mode == "P":
            picture.putpalette([0] * 12)
        picture.save(buffer, "PNG", **options)
        return buffer.getvalue()

    files = {f"a/{i}.png": clear("RGBA", (0, 0, 0, 0)) for i in range(4)}
    files |= {f"b/{i}.png": clear("RGBA", (0, 0, 0, 128)) for i in range(4)}
    files |= {f"c/{i}.png": clear("P", 3, transparency=3) for i in range(4)}
    files |= {f"d/{i}.png": clear("LA", (0, 0)) for i in range(4)}
    (x, y), *_ = datasets.image_folder(write(files, tmp_path / "p", "folder"))
    shades = [np.unique(x[y == c]).tolist() for c in range(4)]
    assert shades == [[255], [127], [255], [255]]


def test_a_picture_is_turned_as_its_camera_noted(tmp_path):
    upright = Image.fromarray(np.repeat(np.arange(0, 200, 40, np.uint8)[:, None], 4, axis=1))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90° clockwise to see it upright
    files = {}
    for name, picture, options in (
        ("a", upright, {}),
        ("b", upright.rotate(90, expand=True), {"exif": exif}),
    ):
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", **options)
        files |= {f"{name}/{i}.png": buffer.getvalue() for i in range(4)}
    (x, _), *_ = datasets.image_folder(write(files, tmp_path / "p", "folder"))
    np.testing.assert_array_equal(x, np.broadcast_to(np.asarray(upright), x.shape))


def test_grey_pictures_have_one_channel_unless_one_has_colours(tmp_path):
    files = {f"{c}/{i}.png": png(i, mode="L")[0] for c in "ab" for i in range(4)}
    (x, _), *_ = datasets.image_folder(write(files, tmp_path / "grey", "folder"))
    assert x.shape == (6, 1, 4, 5)
    files["a/4.png"] = png(9)[0]
    (x, _), (xt, _), _ = datasets.image_folder(write(files, tmp_path / "mixed", "folder"))
    assert x.shape[1] == xt.shape[1] == 3


def test_pictures_of_several_sizes_need_one_to_be_given(tmp_path):
    files = {f"{c}/{i}.png": png(i, size=(5 + i, 4))[0] for c in "ab" for i in range(4)}
    path = write(files, tmp_path / "p.zip", "zip")
    with pytest.raises(ValueError, match=r"got a/1.png of 4 × 6 pixels after 4 × 5. Pass size="):
        datasets.image_folder(path)
    (x, _), *_ = datasets.image_folder(path, size=(7, 6))
    assert x.shape == (6, 3, 7, 6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_picture_is_named(tmp_path, kind):
    files = {f"{c}/{i}.png": png(i)[0] for c in "ab" for i in range(3)}
    files["b/1.png"] = files["b/1.png"][:-30]
    with pytest.raises(ValueError, match=r"picture b/1.png cannot be read"):
        datasets.image_folder(write(files, tmp_path / f"p.{kind}", kind))


def test_a_picture_deeper_than_eight_bits_is_named(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 5), 60_000, np.uint16)).save(buffer, "PNG")
    files = {"a/0.png": buffer.getvalue(), "b/0.png": png(0)[0]}
    with pytest.raises(ValueError, match=r"got a/0.png of Pillow's mode I;16"):
        datasets.image_folder(write(files, tmp_path / "p", "folder"))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_an_archive_cut_short_is_named(tmp_path, kind):
    files = {f"{c}/{i}.png": png(i, size=(40, 40))[0] for c in "ab" for i in range(5)}
    path = write(files, tmp_path / f"p.{kind}", kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"p\.{kind}"):
        datasets.image_folder(path)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_that_points_outside_writes_and_reads_nothing_there(tmp_path, kind):
    (tmp_path / "secret.png").write_bytes(png(7)[0])
    files = {f"{c}/{i}.png": png(i)[0] for c in "ab" for i in range(4)}
    files |= {"../outside/x.png": png(8)[0], "/absolute/y.png": png(9)[0]}
    (tmp_path / "in").mkdir()
    path = write(files, tmp_path / "in" / f"p.{kind}", kind)
    with pytest.raises(ValueError, match=r"must hold entries inside itself"):
        datasets.image_folder(path)
    assert sorted(file.name for file in tmp_path.rglob("*.png")) == ["secret.png"]


def test_links_in_an_archive_are_not_followed(tmp_path):
    (tmp_path / "secret.png").write_bytes(png(7)[0])
    path = write({f"{c}/{i}.png": png(i)[0] for c in "ab" for i in range(4)}, tmp_path / "p.tar", "tar")
    with tarfile.open(path, "a") as archive:
        entry = tarfile.TarInfo("a/9.png")
        entry.type, entry.linkname = tarfile.SYMTYPE, str(tmp_path / "secret.png")
        archive.addfile(entry)
    (x, _), (xt, _), _ = datasets.image_folder(path)
    assert len(x) + len(xt) == 8


def test_a_folder_that_links_to_itself_is_read_once(tmp_path):
    folder = write({f"{c}/{i}.png": png(i)[0] for c in "ab" for i in range(4)}, tmp_path / "p", "folder")
    (folder / "a" / "again").symlink_to(folder)
    (x, _), (xt, _), _ = datasets.image_folder(folder)
    assert len(x) + len(xt) == 8


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a/readme.txt": b""}, "must hold pictures .* got none"),
        ({"0.png": png(0)[0], "a/1.png": png(1)[0]}, r"got 0\.png in none"),
        (
            {"train/0.png": png(0)[0], "test/1.png": png(1)[0], "val/2.png": png(1)[0]},
            "got val beside train and test",
        ),
        ({"train/a/0.png": png(0)[0], "test/1.png": png(1)[0]}, r"got test/1\.png in none"),
        ({"a/0.png": png(0)[0], "b/0.png": png(0)[0]}, r"the 1 samples of class 'a'"),
    ],
)
def test_a_folder_of_another_layout_is_explained(tmp_path, files, words):
    with pytest.raises(ValueError, match=words):
        datasets.image_folder(write(files, tmp_path / "p", "folder"))


def test_a_path_to_nothing_or_to_something_else_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="which does not exist"):
        datasets.image_folder(tmp_path / "none")
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(ValueError, match="path must be a folder, or a zip or tar archive"):
        datasets.image_folder(tmp_path / "notes.txt")
