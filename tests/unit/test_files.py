"""Files appear whole or not at all, and what is damaged is named when it is read."""

import gc

import numpy as np
import psutil
import pytest
import torch

from dvi_widget import files, weights


def test_a_file_written_aside_replaces_the_old_one_or_leaves_it(tmp_path):
    target = tmp_path / "maps" / "map.bin"
    with files.write_aside(target) as aside:
        aside.write_bytes(b"one")
        assert not target.exists()

    def fail():
        with files.write_aside(target) as aside:
            aside.write_bytes(b"two")
            raise OSError

    with pytest.raises(OSError):
        fail()
    assert target.read_bytes() == b"one"
    with files.write_aside(target) as aside:
        aside.write_bytes(b"three")
    assert target.read_bytes() == b"three"
    assert list(target.parent.iterdir()) == [target]


def test_an_array_comes_back_memory_mapped_and_read_only(tmp_path):
    x = np.arange(12.0).reshape(3, 4)
    np.save(tmp_path / "x.npy", x)
    opened = files.open_array(tmp_path / "x.npy", (None, 4), ("float64",))
    assert isinstance(opened, np.memmap)
    assert not opened.flags.writeable
    assert np.array_equal(opened, x)


def header(shape, dtype="<f8", *, fortran=False):
    """A .npy file that says it holds an array of a shape, and holds 8 numbers."""
    text = repr({"descr": dtype, "fortran_order": fortran, "shape": shape})
    text = text + " " * (63 - (10 + len(text)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(64)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"notes", "not a whole .npy file"),
        (header((8,))[:40], "not a whole .npy file"),
        (header((9,)), "is truncated: it holds 192 of 200 bytes"),
        (header((2**40, 2**40)), "which no array of ours has"),  # whose product is 0 in 64 bits
        (header((-8,)), r"its shape is \(-8,\)"),
        (header((2, 4)), r"its shape is \(2, 4\), not \(any\)"),
        (header((8,), "|O"), "it holds Python objects"),
        (header((4, 2), fortran=True), "it holds columns first"),
    ],
)
def test_a_file_that_is_not_the_array_it_should_be_is_named(tmp_path, content, message):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with pytest.raises(files.DamagedFileError, match=rf"x\.npy.*{message}"):
        files.open_array(path, (None,), ("float64", "float32", "int64"))


def test_json_and_tensors_are_read_only_where_they_are_whole(tmp_path):
    path = tmp_path / "file"
    with files.write_aside(path) as aside:
        files.write_json(aside, {"a": [1, "é"]})
    assert files.read_json(path) == {"a": [1, "é"]}
    for content in ("[1]", "{", "\ud800".encode("utf-8", "surrogatepass")):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(files.DamagedFileError, match="file is damaged"):
            files.read_json(path)
    with files.write_aside(path) as aside:
        weights.save_tensors(aside, {"w": torch.ones(2, 3)})
    assert torch.equal(weights.load_tensors(path)["w"], torch.ones(2, 3))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(files.DamagedFileError, match="not a whole safetensors file"):
        weights.load_tensors(path)
    with pytest.raises(FileNotFoundError):
        weights.load_tensors(tmp_path / "none")
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(path, {"a": float("nan")})


def test_reading_tensors_again_and_again_takes_no_more_memory(tmp_path):
    weights.save_tensors(tmp_path / "many", {str(number): torch.zeros(2) for number in range(64)})

    def held(times):
        for _ in range(times):
            weights.load_tensors(tmp_path / "many")
        gc.collect()
        return psutil.Process().memory_info().rss

    before = held(300)
    assert held(2000) - before < 3 << 20  # 48 bytes a tensor would be twice that
