"""Work on rows by several threads: in order, in fixed parts, never nested, and never a bit differently."""

import threading

import numpy as np
import pytest
import torch

import dvi_widget as dvi
from dvi_widget import threads
from dvi_widget.nearest import cells, fast


@pytest.fixture
def several():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_results_come_in_the_order_of_the_parts_and_the_caller_is_told_of_each(several):
    several(3)
    seen, ready = [], threading.Barrier(3, timeout=60)
    with threads.team():
        # No part ends before three are at work: they do run side by side.
        assert threads.each(lambda part: part - ready.wait() * 0, range(6), report=seen.append) == [*range(6)]
    assert seen == [pytest.approx(i / 6) for i in range(1, 7)]


def test_without_a_team_or_alone_the_caller_does_all_the_work(several):
    several(3)
    here = threading.current_thread()
    assert set(threads.each(lambda _: threading.current_thread(), range(9))) == {here}
    with threads.alone(), threads.team():
        assert threads.count() == 1
        assert set(threads.each(lambda _: threading.current_thread(), range(9))) == {here}


def test_threads_of_a_team_do_not_ask_for_more(several):
    several(3)

    def nested(_):
        own = threading.current_thread()
        return set(threads.each(lambda _: threading.current_thread(), range(9))) == {own}

    with threads.team():
        assert all(threads.each(nested, range(6)))


def test_a_team_leaves_no_thread_behind_even_if_its_work_fails(several):
    several(3)

    def fail(part):
        raise ValueError(part)

    before = set(threading.enumerate())  # workers of explorers that other tests have made among them
    for _ in range(2):
        with pytest.raises(ValueError, match="0"), threads.team():
            threads.each(fail, range(9))
        assert not set(threading.enumerate()) - before


@pytest.mark.parametrize("n", [0, 1, 8_191, 20_000, 1_000_000])
def test_slices_hold_every_row_once(n):
    rows = np.concatenate([np.arange(n)[part] for part in threads.slices(n)])
    assert np.array_equal(rows, np.arange(n))
    assert len(threads.slices(n, 4)) <= 4


def test_positions_are_the_same_bits_on_one_two_and_three_threads(tmp_path, monkeypatch, several):
    # So small a run is one part; here it is cut into several, and its neighbours are searched in cells.
    monkeypatch.setattr(threads, "_ROWS_PER_PART", 50)
    monkeypatch.setattr(cells, "_BLOCK_ROWS", 100)
    monkeypatch.setattr(fast, "_MANY_QUERIES", 200)
    rng = np.random.default_rng(0)
    centres, labels = rng.normal(size=(4, 24)), rng.integers(4, size=500)
    recorder = dvi.ArrayRecorder(tmp_path / "run", labels=(labels[:400], labels[400:]), classes=list("abcd"))
    for epoch in range(2):
        h = (centres[labels] * (1 + epoch) + rng.normal(size=(500, 24))).astype(np.float32)
        head = centres.astype(np.float32), np.zeros(4, np.float32)
        z = h @ head[0].T
        recorder.capture(epoch, features=(h[:400], h[400:]), logits=(z[:400], z[400:]), head=head)
    run = dvi.Run(tmp_path / "run")
    maps = []
    for seed, count in enumerate((1, 2, 3)):  # another seed fits anew, and changes nothing
        several(count)
        maps.append([frame.positions for frame in dvi.DVI(seed=seed).fit(run).landscape()])
    for others in maps[1:]:
        for y, same in zip(maps[0], others, strict=True):
            assert np.array_equal(y, same)
