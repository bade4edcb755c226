"""DVI's default method: the mesh, the descent, the decoder, the placement, and the estimator on a run."""

import shutil
from itertools import pairwise

import numpy as np
import pytest
import rounding
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import network, record, unfitted
from torch import nn

import dvi_widget as dvi
from dvi_widget import weights
from dvi_widget.dvi import Layout, grid_decoder, skeleton
from dvi_widget.dvi.crossing import Crossing
from dvi_widget.dvi.graph import Ties, descend, descend_alone
from dvi_widget.dvi.grid_decoder import GridDecoder
from dvi_widget.dvi.landmarks import landmark_rows
from dvi_widget.dvi.mesh import Mesh
from dvi_widget.dvi.movement import _within
from dvi_widget.dvi.placement import robust_centre
from dvi_widget.dvi.skeleton import fill_directions, next_outline, outlines
from dvi_widget.nearest import (
    Axes,
    EqualRows,
    Index,
    nearest,
    neighbors,
    overlap,
    row_marks,
)
from dvi_widget.nearest.index import smallest
from dvi_widget.projection import Checkpoint

QUICK = {"iterations": (40, 80, 30)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "digits"
    record(path, epochs=(0, 5, 10))
    return path


@pytest.fixture(scope="module")
def fitted(folder):
    return dvi.DVI(**QUICK).fit(dvi.Run(folder))


def cloud(n, dimension, width, seed=0):
    """Points in three clumps."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-width, width, (3, dimension))
    return centres[rng.integers(0, 3, n)] + rng.normal(0, width / 6, (n, dimension))


def exact_field(q, y):
    """Potential and force, summed over all pairs."""
    difference = q[:, None] - y[None]
    similarity = 1 / (1 + np.square(difference).sum(axis=2))
    return similarity.sum(axis=1), (np.square(similarity)[..., None] * difference).sum(axis=1)


def ties(xx, xb=None, bb=None, agree_xx=None, agree_xb=None, **weights):
    """Ties with no boundary samples and no disagreement, unless they are given."""
    xx = np.asarray(xx, np.int32)
    xb = np.empty((len(xx), 0), np.int32) if xb is None else np.asarray(xb, np.int32)
    bb = np.empty((0, 0), np.int32) if bb is None else np.asarray(bb, np.int32)
    return Ties(
        xx,
        xb,
        bb,
        np.ones(xx.shape, bool) if agree_xx is None else np.asarray(agree_xx),
        np.ones(xb.shape, bool) if agree_xb is None else np.asarray(agree_xb),
        **{"xb_weight": 1.0, "bb_weight": 1.0, "xb_cross": 1.0, **weights},
    )


def ring(n):
    """A graph that ties each of n points to the next two."""
    return ties((np.arange(n)[:, None] + [1, 2]) % n).graph()


def dense(graph):
    """The weights as a matrix, before they were normalised."""
    n = len(graph.indptr) - 1
    matrix = np.zeros((n, n))
    rows = np.repeat(np.arange(n), np.diff(graph.indptr))
    np.add.at(matrix, (rows, graph.indices), graph.weights * graph.total)
    return matrix


# The mesh


@pytest.mark.parametrize(
    ("dimension", "width", "tolerance"), [(2, 0.05, 0.01), (2, 5, 0.01), (2, 40, 0.06), (3, 8, 0.08)]
)
def test_the_mesh_gives_potential_and_force_of_all_pairs(dimension, width, tolerance):
    y = cloud(600, dimension, width)
    q = cloud(100, dimension, width, seed=1)[:100:2] * 0.5
    for points in (y, q):
        potential, force = Mesh(dimension).charge(y).field(points)
        exact_potential, exact_force = exact_field(points, y)
        assert potential == pytest.approx(exact_potential, rel=tolerance)
        error = np.linalg.norm(force - exact_force, axis=1).mean()
        assert error < tolerance * np.linalg.norm(exact_force, axis=1).mean()


def test_points_beyond_the_mesh_feel_its_rim():
    mesh = Mesh().charge(cloud(50, 2, 5))
    assert np.isfinite(mesh.field(np.array([[1e6, -1e6]]))[0]).all()


def test_points_all_at_one_place_neither_push_nor_break():
    potential, force = Mesh().charge(np.zeros((7, 2))).field(np.zeros((7, 2)))
    assert potential == pytest.approx(7, rel=0.01)
    assert force == pytest.approx(0, abs=1e-3)


# The graph and the descent


def test_edges_are_weighed_by_rank_kind_and_agreement_and_sum_to_one():
    tied = ties(
        [[1, 2], [0, 2], [0, 1]],
        [[0], [0], [1]],
        [[1], [0]],
        [[True, False], [True, False], [False, False]],
        [[True], [False], [True]],
        xb_weight=0.6,
        bb_weight=0.2,
        xb_cross=0.5,
    )
    graph = tied.graph()
    expected = np.zeros((5, 5))
    expected[0, 1] = expected[1, 0] = expected[2, 0] = 2 / 3  # the nearest of two
    expected[0, 2] = expected[1, 2] = expected[2, 1] = 1 / 3
    expected[0, 3], expected[1, 3], expected[2, 4] = 0.6, 0.3, 0.6
    expected[3, 4] = expected[4, 3] = 0.2
    assert dense(graph) == pytest.approx(expected + expected.T)
    assert graph.weights.sum() == pytest.approx(1)
    alone = dense(tied.graph(boundary=False))
    expected[:, 3:] = expected[3:] = 0
    assert alone == pytest.approx(expected + expected.T)


def test_what_a_crossing_edge_loses_the_other_edges_of_its_sample_gain():
    tied = ties([[1, 2], [0, 2], [0, 1]], agree_xx=[[True, False], [True, False], [False, False]])
    one_way = np.zeros((3, 3))
    # Sample 0: 2/3 to its like, 1/3 · √(.04 · .25) = 1/30 across. Sample 2 has no like: it keeps its ties.
    one_way[0, 1], one_way[0, 2] = (2 / 3) / (0.7), (1 / 30) / 0.7
    one_way[1, 0], one_way[1, 2] = (2 / 3) / (0.7), (1 / 30) / 0.7
    one_way[2, 0], one_way[2, 1] = 2 / 3, 1 / 3
    graph = tied.graph(np.array([0.04, 0.04, 0.25]))
    assert dense(graph) == pytest.approx(one_way + one_way.T)


def test_a_crossing_factor_falls_where_the_map_is_more_mixed_and_rises_where_it_is_purer():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5)) + 2 * (np.arange(400) % 2)[:, None] * np.eye(5)[0]
    predictions = np.arange(400) % 2
    near = neighbors(x.astype(np.float32), 15)[0]
    mixed, pure = (Crossing(near, predictions, np.arange(400)) for _ in range(2))
    mixed.adjust(rng.normal(size=(400, 2)))
    pure.adjust(rng.normal(size=(400, 2)) + 100 * predictions[:, None])
    assert (mixed.factors[1:] < 1).all()  # the first stratum is as mixed as chance would have it
    assert (pure.factors > 1).all()
    assert mixed.of_samples().shape == (400,)


def test_the_descent_goes_down_the_divergence_of_tsne():
    n, graph = 40, ring(40)
    y = np.random.default_rng(0).normal(size=(n, 2))

    def divergence(y):
        similarity = 1 / (1 + np.square(y[:, None] - y[None]).sum(axis=2))
        np.fill_diagonal(similarity, 0)
        rows = np.repeat(np.arange(n), np.diff(graph.indptr))
        return -(graph.weights * np.log(similarity[rows, graph.indices] / similarity.sum())).sum()

    after = descend(y, graph, Mesh(), iterations=60, exaggeration=1.0)
    assert divergence(after) < divergence(y) - 0.5


def test_no_point_is_flung_out_of_the_cloud():
    # Without a bound on the gain per coordinate, a point that travels far and turns is thrown out again.
    rng = np.random.default_rng(0)
    y = np.concatenate([rng.normal(size=(300, 2)), [[60.0, 0.0]]])
    for start, _ in rounding.arrays(y):
        near = neighbors(start, 15)[0]
        after = descend(start, ties(near).graph(), Mesh(), iterations=400, exaggeration=1.0)
        radii = np.linalg.norm(after - np.median(after, axis=0), axis=1)
        assert radii.max() < 4 * np.median(radii)


def test_no_capped_point_ends_beyond_its_cap():
    y = np.random.default_rng(0).normal(size=(30, 2))
    caps = np.linspace(0, 2, 20)
    after = descend(y, ring(30), Mesh(), iterations=25, exaggeration=1.5, anchors=y[:20] + 0.1, caps=caps)
    assert (np.linalg.norm(after[:20] - y[:20] - 0.1, axis=1) <= caps + 1e-9).all()
    assert np.linalg.norm(after[20:] - y[20:], axis=1).max() > 0.5


def test_new_points_do_not_feel_each_other():
    y, edges = cloud(50, 2, 5), ring(50)
    together = descend_alone(y + 1, y, edges, Mesh(), iterations=10, exaggeration=1.5)
    head = type(edges)(edges.indptr[:4], edges.indices, edges.weights, edges.total)
    alone = descend_alone(y[:3] + 1, y, head, Mesh(), iterations=10, exaggeration=1.5)
    assert together[:3] == pytest.approx(alone, abs=1e-12)


# Axes and decoder


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(3, 40), st.integers(1, 8))
def test_axes_keep_nearly_all_of_the_variance(seed, n, h):
    x = np.random.default_rng(seed).normal(size=(n, h)).astype(np.float32)
    axes = Axes.fit(x)
    left = np.square(x - axes.restore(axes.reduce(x))).sum()
    assert left <= 0.0051 * np.square(x - x.mean(axis=0)).sum() + 1e-6
    assert axes.components @ axes.components.T == pytest.approx(np.eye(axes.rank), abs=1e-4)


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_smooth_field_is_decoded_where_there_are_samples(dimension):
    rng = np.random.default_rng(0)
    y = rng.uniform(-6, 6, (4000, dimension)).astype(np.float32)
    x = np.stack([np.sin(y[:, 0] / 3), np.cos(y[:, 1] / 3), y[:, 0] / 6], axis=1).astype(np.float32)
    decoder = GridDecoder.fit(y[:3000], x[:3000], Axes.fit(x))
    error = np.square(decoder.decode(y[3000:]) - x[3000:]).mean()
    assert error < 0.02 * x.var(axis=0).mean()


def test_the_decoder_is_defined_everywhere_and_stays_near_the_data():
    y, x = cloud(300, 2, 10).astype(np.float32), np.random.default_rng(0).normal(size=(300, 5))
    decoder = GridDecoder.fit(y, x.astype(np.float32), Axes.fit(x.astype(np.float32)))
    far = decoder.decode(np.array([[0, 0], [1e4, -1e4], [-30, 30]], np.float32))
    assert np.isfinite(far).all()
    assert np.abs(far).max() < 2 * np.abs(x).max()


def test_logits_of_a_linear_head_are_those_of_the_decoded_points():
    rng = np.random.default_rng(0)
    y, x = cloud(300, 2, 10).astype(np.float32), rng.normal(size=(300, 5)).astype(np.float32)
    weight, bias = rng.normal(size=(4, 5)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    decoder = GridDecoder.fit(y, x, Axes.fit(x))
    again = GridDecoder.load(decoder.arrays())
    q = rng.uniform(-15, 15, (50, 2)).astype(np.float32)
    assert decoder.logits(q, weight, bias) == pytest.approx(decoder.decode(q) @ weight.T + bias, abs=1e-4)
    assert np.array_equal(again.decode(q), decoder.decode(q))


def test_the_decoder_keeps_what_its_samples_tell_and_no_more():
    rng = np.random.default_rng(0)
    y, x = cloud(300, 2, 60).astype(np.float32), rng.normal(size=(300, 40)).astype(np.float32)
    decoder = GridDecoder.fit(y, x, Axes.fit(x))
    kept = decoder.arrays()
    assert kept["means"].shape[0] <= 4 * len(y)
    assert sum(array.nbytes for array in kept.values()) < 4 * len(y) * (2 * 40 + 8) + 4 * 40 * 45
    # A sample far from the others decodes to itself, up to the pull of the coarser grids and the steps.
    alone = np.linalg.norm(y[:, None] - y[None], axis=2)
    np.fill_diagonal(alone, np.inf)
    far = np.argsort(alone.min(axis=1))[-20:]
    assert np.corrcoef(decoder.decode(y[far]).ravel(), x[far].ravel())[0, 1] > 0.95


# Placement


def test_a_stray_neighbour_does_not_draw_a_sample_away():
    points = np.zeros((1, 16, 2))
    points[0, 3] = 1000
    distances = np.linspace(1, 2, 16)[None]
    assert np.abs(robust_centre(points, distances)).max() < 0.01
    assert robust_centre(points[:, :1], distances[:, :1]) == pytest.approx(0)


def test_a_first_look_on_few_axes_loses_few_neighbours():
    rng = np.random.default_rng(0)
    # A spectrum that falls slowly, as a wide layer's does: the first look sees a part of the axes.
    x = (rng.normal(size=(6000, 80)) / np.arange(1, 81) ** 0.7).astype(np.float32)
    q = (rng.normal(size=(300, 80)) / np.arange(1, 81) ** 0.7).astype(np.float32)
    found, distances = Index(x, np.zeros(6000, int)).search(q, 15)
    exact, far = neighbors(x, 15, query=q)
    assert overlap(found, exact).mean() > 0.95
    assert np.abs(distances - far).max() < 0.05 * far.max()


@pytest.mark.parametrize("decay", [1.0, 0.95, 0.8])
@pytest.mark.parametrize("apart", [0.0, 3.0, 10.0, 1000.0])
def test_neighbours_are_found_however_far_apart_the_classes_are(apart, decay):
    rng = np.random.default_rng(0)
    centres = apart * rng.normal(size=(5, 64))
    classes = rng.integers(5, size=5_300)
    points = (centres[classes] + rng.normal(size=(5_300, 64)) * decay ** np.arange(64)).astype(np.float32)
    x, q = points[:5_000], points[5_000:]
    found, distances = Index(x, classes[:5_000]).search(q, 15)
    exact, far = neighbors(x, 15, query=q)
    assert overlap(found, exact).mean() > 0.95
    assert distances == pytest.approx(far, rel=0.1, abs=1e-4 * apart)  # of .995 of the variance


@pytest.mark.parametrize("n", [1, 2, 9])
def test_an_index_of_few_samples_finds_them_all(n):
    x = np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
    found, distances = Index(x, np.arange(n) % 2).search(x, 20)
    assert (np.sort(found, axis=1) == np.arange(n)).all()
    assert distances[:, 0] == pytest.approx(0, abs=1e-3)


@settings(max_examples=60)
@given(st.integers(1, 400), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_the_smallest_are_those_of_a_sort(n, k, seed):
    values = np.random.default_rng(seed).permutation(5 * n).reshape(5, n).astype(np.float32)
    assert np.array_equal(np.sort(smallest(values, k), axis=1), np.sort(np.argsort(values)[:, :k], axis=1))


def test_recorded_rows_are_found_again_and_no_others():
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    found = EqualRows(row_marks(x)).find(np.concatenate([x[[7, 30]], x[[7]] + 1e-6]))
    assert found.tolist() == [7, 30, -1]


# The skeleton


def rotated(x, seed):
    """The points in a space that is turned."""
    return (x @ np.linalg.qr(np.random.default_rng(seed).normal(size=(x.shape[1],) * 2))[0]).astype(
        np.float32
    )


def two_planes(n=300, clumps=6, seed=0):
    """Clumps that lie in a plane of a space of eight dimensions, and the clump of each point."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(clumps) / clumps
    centres = 10 * np.stack([np.cos(angle), 0.7 * np.sin(angle)] + 6 * [0 * angle], axis=1)
    clump = np.arange(n) % clumps
    return centres, clump, rng.normal(size=(n, 8))


def test_distances_of_a_plane_are_kept_by_the_skeleton():
    centres, clump, noise = two_planes()
    flat = (centres[clump] + noise * [1, 1, 0, 0, 0, 0, 0, 0]).astype(np.float32)
    (outline,) = outlines([flat], 2, lambda _: None)
    far, shown = (np.linalg.norm(p[:, None] - p, axis=2)[np.triu_indices(300, 1)] for p in (flat, outline))
    assert np.corrcoef(far, shown)[0, 1] > 0.999


@pytest.mark.parametrize("joint", [True, False])
def test_a_skeleton_stays_when_the_space_turns_and_moves_only_the_two_clumps_that_swap(joint):
    centres, clump, noise = two_planes()
    swapped = centres.copy()
    swapped[[0, 3]] = centres[[3, 0]]
    epochs = [
        rotated(centres[clump] + noise, 1),
        rotated(centres[clump] + noise, 2),
        rotated(swapped[clump] + noise, 3),
    ]
    for first, order in rounding.arrays(epochs[0]):
        turned = [first, epochs[1][order], epochs[2][order]]
        if joint:
            arranged = outlines(turned, 2, lambda _: None)
        else:
            arranged = outlines(turned[:1], 2, lambda _: None)
            for before, x in pairwise(turned):
                arranged.append(next_outline(x, before, arranged[-1]))
        still, moved = (np.linalg.norm(b - a, axis=1) for a, b in pairwise(arranged))
        swapping = np.isin(clump[order], (0, 3))
        radius = np.sqrt(np.square(arranged[0] - arranged[0].mean(axis=0)).sum(axis=1).mean())
        assert still.max() < 1e-3 * radius
        assert moved[swapping].min() > 1.5 * radius
        assert np.median(moved[~swapping]) < 0.02 * radius


# Landmarks, and the order of rows


def without_a_plane(n, seed=0):
    """Representations and labels of eight classes, all equally far from each other, in three epochs."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(8, size=n)
    own = rng.normal(size=(n, 20))
    return [((2 + t) * np.eye(20)[labels] + own).astype(np.float32) for t in range(3)], labels


@pytest.mark.parametrize("n", [3, 60, 800])
def test_landmarks_are_the_same_samples_in_every_order_of_the_rows(n):
    x = without_a_plane(n)[0][0]
    chosen = landmark_rows(x, 60)
    assert len(np.unique(chosen)) == len(chosen) == min(n, 60)
    for other, order in rounding.arrays(x):
        again = order[landmark_rows(other, 60)]
        assert len(np.intersect1d(chosen, again)) >= 0.97 * len(chosen)


def test_landmarks_lie_as_densely_as_all_samples_do():
    rng = np.random.default_rng(0)
    sizes = np.array([4000, 1000, 200])
    clump = np.repeat(np.arange(3), sizes)  # the first two so tight that rounding is felt
    x = 100 * rng.normal(size=(3, 30))[clump] + np.array([1e-4, 1e-4, 5])[clump, None] * rng.normal(
        size=(5200, 30)
    )
    counts = np.bincount(clump[landmark_rows(x.astype(np.float32), 104)], minlength=3)
    assert counts == pytest.approx(sizes / 50, abs=2)


def test_equal_representations_have_as_many_landmarks_as_they_are():
    x = np.zeros((1000, 6), np.float32)
    x[900:] = np.random.default_rng(0).normal(size=(100, 6))
    rows = landmark_rows(x, 100)
    assert len(np.unique(rows)) == 100
    assert (rows >= 900).sum() == pytest.approx(10, abs=2)


def test_a_map_hangs_neither_on_the_order_of_the_rows_nor_on_last_digits_nor_on_threads(tmp_path):
    epochs, labels = without_a_plane(700)
    recorder = dvi.ArrayRecorder(tmp_path / "run", labels=labels, classes=list("abcdefgh"))
    for t, x in enumerate(epochs):
        weight = (2 + t) * np.eye(8, 20, dtype=np.float32)
        recorder.capture(t, features=x, logits=x @ weight.T, head=(weight, np.zeros(8)))
    maps = []
    for run in rounding.runs(tmp_path / "run", tmp_path):
        fitted = dvi.DVI(**QUICK).fit(run)
        # Epoch by epoch, the samples in the order of their first number, which no two of them share.
        ordered = np.argsort(run.features(0, "train")[:, 0])
        maps.append([frame.positions[ordered] for frame in fitted.landscape()])
    for other in maps[1:]:
        for first, second in zip(maps[0], other, strict=True):
            assert dvi.measures.stability([first, second])[0] <= 0.03


# Few samples


def few(folder, n, classes, dimension=20, hidden=64, seed=0):
    """A run of a network before and after some training on few samples."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n + 5) % classes
    x = (rng.normal(size=(classes, dimension))[labels] + rng.normal(size=(n + 5, dimension))).astype(
        np.float32
    )
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(dimension, hidden), nn.ReLU(), nn.Linear(hidden, classes))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    names = [str(c) for c in range(classes)]
    recorder = dvi.Recorder(folder, model, train=(x[:n], labels[:n]), test=(x[n:], labels[n:]), classes=names)
    for epoch in range(2):
        recorder.capture(epoch)
        for _ in range(40):
            optimizer.zero_grad()
            torch.autograd.backward(
                nn.functional.cross_entropy(model(torch.from_numpy(x[:n])), torch.from_numpy(labels[:n]))
            )
            optimizer.step()
    return dvi.Run(folder)


def to_the_next(y):
    """Distance from each point to the nearest other, in units of the cloud's radius / √n."""
    far = np.linalg.norm(y[:, None] - y, axis=2)
    np.fill_diagonal(far, np.inf)
    radius = np.sqrt(np.square(y - y.mean(axis=0)).sum(axis=1).mean())
    return far.min(axis=1) / (radius / np.sqrt(len(y)))


def flatness(y):
    """The smaller extent of a cloud of points as a share of the larger: 0 on a line."""
    widths = np.linalg.svd(y - y.mean(axis=0), compute_uv=False)
    return widths[1] / widths[0]


@pytest.mark.parametrize(
    ("n", "classes", "hidden"),
    [
        (3, 2, 8),
        (5, 2, 8),
        (16, 5, 64),
        (60, 4, 64),
        (80, 2, 64),
        (200, 4, 64),
        (100, 20, 64),
        (200, 100, 64),
    ],
)
def test_few_samples_are_laid_out_apart_from_each_other(tmp_path, n, classes, hidden):
    few(tmp_path / "run", n, classes, hidden=hidden)
    for run in rounding.runs(tmp_path / "run", tmp_path):
        landscape = dvi.DVI().fit(run).landscape()
        for frame in landscape:
            y = frame.positions[:n]
            assert np.isfinite(frame.positions).all()
            assert to_the_next(y).min() > 1e-3  # no two at one place
            assert np.quantile(to_the_next(y), 0.05) > 0.03
            assert np.median(to_the_next(y)) > 0.2
            assert n < 5 or flatness(y) > 0.03
        assert landscape.measures()["value"].notna().any()


def test_representations_on_a_line_are_laid_out_in_the_plane(tmp_path):
    few(tmp_path / "run", 120, 4, hidden=1)
    for run in rounding.runs(tmp_path / "run", tmp_path):
        for frame in dvi.DVI().fit(run).landscape():
            assert flatness(frame.positions[:120]) > 0.1


@pytest.mark.parametrize("l", [2, 3])
def test_a_start_without_variance_in_a_direction_is_filled_from_the_first(l):
    line = np.random.default_rng(0).normal(size=(50, 1))
    noise = 1e-7 * np.random.default_rng(1).normal(size=(50, l - 1))
    y = np.concatenate([line, noise], axis=1)
    fill_directions(y)
    assert np.array_equal(y[:, :1], line)
    assert y.std(axis=0)[1:] == pytest.approx(np.full(l - 1, 0.1 * line.std()))
    assert np.corrcoef(y.T) == pytest.approx(np.eye(l), abs=1e-9)
    one_place, two_places = np.ones((9, l)), np.outer(np.arange(9) % 2, np.eye(l)[0])
    enough_variance = np.random.default_rng(2).normal(size=(9, l))
    for kept in (one_place, two_places, enough_variance):
        y = kept.copy()
        fill_directions(y)
        assert np.array_equal(y, kept)


def test_axes_of_few_wide_rows_are_those_of_their_covariance():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(40, 60)) * 0.8 ** np.arange(60)).astype(np.float32)
    axes, more = Axes.fit(x), Axes.fit(np.concatenate([x, x]), variance=1.0)
    assert axes.components @ axes.components.T == pytest.approx(np.eye(axes.rank), abs=1e-5)
    # Each row twice has the same axes, and is long enough for the products of columns.
    assert np.abs(np.sum(axes.components[:8] * more.components[:8], axis=1)) == pytest.approx(1, abs=1e-3)
    alike = np.repeat(x[:1], 3, axis=0)
    flat = Axes.fit(alike)
    assert flat.rank == 2
    assert flat.reduce(alike) == pytest.approx(0, abs=1e-5)


def test_a_few_neighbours_tie_few_samples():
    assert [Layout().neighbors(n) for n in (3, 10, 40, 61, 10_000)] == [1, 3, 13, 20, 20]
    assert Layout(k=12).neighbors(20) == 12


def test_few_boundary_samples_tie_across_boundaries():
    assert [Layout().cross(m) for m in (0, 60, 500, 1_000, 6_000)] == pytest.approx([0.5, 0.5, 0.2, 0.1, 0.1])
    assert Layout(xb_cross=0.3).cross(60) == 0.3


@pytest.mark.parametrize("copies", [3, 40])
def test_equal_representations_have_one_place_and_are_measured_as_such(tmp_path, copies):
    inputs = np.random.default_rng(0).normal(size=(120 // copies, 4)).repeat(copies, axis=0)
    labels = np.arange(120) % 2
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    recorder = dvi.Recorder(
        tmp_path / "run",
        model,
        train=(inputs.astype(np.float32), labels),
        test=(inputs[::copies].astype(np.float32) + 1, labels[::copies]),
        classes=["a", "b"],
    )
    recorder.capture(0)
    fitted = dvi.DVI(**QUICK).fit(dvi.Run(tmp_path / "run"))
    frame = fitted.landscape()[0]
    groups = frame.positions[:120].reshape(-1, copies, 2)
    assert np.array_equal(groups, np.repeat(groups[:, :1], copies, axis=1))
    assert len(np.unique(groups[:, 0], axis=0)) == 120 // copies
    k = copies - 1
    assert fitted.landscape().neighbor_loss(0, k)[:120].max() == 0


# Neighbours of large sets


def test_the_fast_search_is_the_exact_one_up_to_rounding():
    x = np.random.default_rng(0).normal(size=(400, 12)).astype(np.float32) + 100
    for query in (None, x[:50] + 0.1):
        indices, distances = nearest(x, 8, query)
        exact, far = neighbors(x, 8, query)
        assert overlap(indices, exact).mean() > 0.999
        assert distances == pytest.approx(far, rel=1e-3)


def test_many_points_look_twice_and_find_nearly_all(monkeypatch):
    draw = np.random.default_rng(0)
    spread = 3.0 * 0.95 ** np.arange(96)  # few axes hold nearly all of the variance
    x, query = (draw.normal(size=(n, 96)) * spread + 50 for n in (2_000, 1_000))
    monkeypatch.setattr("dvi_widget.nearest.fast._MANY_QUERIES", 500)
    indices, distances = nearest(x, 10, query)
    exact, far = neighbors(x, 10, query)
    assert overlap(indices, exact).mean() > 0.99
    right = (indices == exact).all(axis=1)
    assert right.mean() > 0.9
    assert distances[right] == pytest.approx(far[right], rel=1e-3)
    # Where the first look saves nothing, for too few points or too many axes, all is as it was; and where it
    # loses too much: here few axes tell which clump a point is in, and nothing about its place in there.
    clumps = 10 * draw.normal(size=(10, 96))
    clumped = [clumps[draw.integers(10, size=n)] + draw.normal(size=(n, 96)) for n in (2_000, 1_000)]
    for points, asked in ((x[:900], query), (x / spread, query / spread), clumped):
        assert overlap(nearest(points, 10, asked)[0], neighbors(points, 10, asked)[0]).mean() > 0.999


def test_a_checkpoint_searches_once_for_all_that_ask(folder, monkeypatch):
    checkpoint = Checkpoint(dvi.Run(folder), 5)
    fifteen = checkpoint.neighbors(15)[0]
    monkeypatch.setattr("dvi_widget.projection.checkpoint.nearest", lambda *_: pytest.fail("searched again"))
    assert np.array_equal(checkpoint.neighbors(20)[0][:, :15], fifteen)


def test_a_checkpoint_hashes_its_rows_once(folder, monkeypatch):
    hashed = []
    monkeypatch.setattr(
        "dvi_widget.projection.checkpoint.row_marks", lambda x: hashed.append(len(x)) or row_marks(x)
    )
    checkpoint = Checkpoint(dvi.Run(folder), 5)
    Layout(**QUICK).fit(checkpoint, None, 0, lambda _: None)
    assert set(checkpoint.searched) == {"neighbors", "boundary_neighbors"}
    assert hashed == [len(checkpoint.x), len(checkpoint.b)]


def test_the_skeleton_keeps_the_better_of_its_starts():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 12))
    matrices = [skeleton._matrix(x + 0.3 * t * rng.normal(size=x.shape)) for t in range(3)]
    own = [skeleton._scale_alone(d, 2) for d in matrices]
    mean = skeleton._scale_alone(np.mean(matrices, axis=0), 2)
    second = skeleton._aligned(own[0], own[1])
    chained = [own[0], second, skeleton._aligned(second, own[2])]
    kept = skeleton._total_cost(matrices, skeleton._scale_all(matrices, own))
    for start in ([mean] * 3, chained):
        solved = skeleton._scale_together(matrices, start)
        assert kept <= skeleton._total_cost(matrices, solved) * (1 + 1e-9)


def test_measures_and_the_next_epoch_take_the_neighbours_that_the_fit_found(folder, fitted, monkeypatch):
    run, exact, asked = dvi.Run(folder), neighbors, []
    expected = fitted.landscape().measures()
    loaded = dvi.DVI(**QUICK).fit(run)
    kept = loaded.landscape().source.searched(5)
    assert overlap(kept["neighbors"], exact(run.features(5), 20)[0]).mean() > 0.999

    def counted(x, *args, **options):
        asked.append(np.shape(x))
        return exact(x, *args, **options)

    monkeypatch.setattr("dvi_widget.landscape.measuring.neighbors", counted)
    monkeypatch.setattr("dvi_widget.projection.checkpoint.nearest", lambda *_: pytest.fail("searched again"))
    assert loaded.landscape().measures().equals(expected)
    h = run.features(5).shape[1]
    assert (run.n_train, h) not in asked
    assert asked.count((len(run.boundary(5)), h)) == 3  # on test, once an epoch
    again = Checkpoint(run, 5, kept)
    assert np.array_equal(again.semantic_neighbors(15), kept["neighbors"][:, :15])
    assert np.array_equal(again.searched["neighbors"], kept["neighbors"])


def test_more_neighbours_than_the_fit_found_are_searched(fitted):
    found = fitted.landscape().measures(k=[15, 30])
    only = fitted.landscape().measures(k=[15])
    at = [frame[(frame.measure == "nn_pv") & (frame.k == 15)].value for frame in (found, only)]
    assert at[0].to_numpy() == pytest.approx(at[1].to_numpy(), abs=1e-3)


# The estimator


def test_the_layout_is_the_default():
    assert dvi.DVI().method == "layout"


def test_the_same_run_gives_the_same_positions(folder, fitted, tmp_path):
    again = dvi.DVI(**QUICK).fit(unfitted(folder, tmp_path / "again")).landscape()
    for frame, other in zip(fitted.landscape(), again, strict=True):
        assert np.array_equal(frame.positions, other.positions)


@pytest.mark.feature("A8")
def test_a_loaded_map_places_and_decodes_like_the_fitted_one(folder, fitted):
    run = dvi.Run(folder)
    loaded = dvi.DVI(**QUICK).fit(run)
    x, b = run.features(5, "test"), run.boundary(5, "test")
    y = fitted.transform(x, 5)
    assert np.array_equal(loaded.transform(x, 5), y)
    assert np.array_equal(loaded.transform(b, 5, boundary=True), fitted.transform(b, 5, boundary=True))
    assert np.array_equal(loaded.inverse_transform(y, 5), fitted.inverse_transform(y, 5))


def test_a_fit_that_goes_on_from_kept_epochs_ends_where_a_whole_one_does(folder, fitted):
    run = dvi.Run(folder)
    (last,) = run.maps.glob("layout-000010-*")
    last.unlink()
    again = dvi.DVI(**QUICK).fit(run)
    assert np.array_equal(again.landscape().at(10).positions, fitted.landscape().at(10).positions)


def test_what_was_fitted_is_placed_where_it_lies(folder, fitted):
    run = dvi.Run(folder)
    frame = fitted.landscape().at(5)
    assert np.array_equal(fitted.transform(run.features(5), 5), frame.positions[: run.n_train])
    again = fitted.transform(run.boundary(5), 5, boundary=True)
    assert np.array_equal(again, fitted.maps_[5].arrays()["boundary_positions"])


def test_each_sample_is_placed_on_its_own(folder, fitted):
    run = dvi.Run(folder)
    for x, boundary in ((run.features(5, "test"), False), (run.boundary(5, "test"), True)):
        together = fitted.transform(x, 5, boundary=boundary)
        alone = np.concatenate([fitted.transform(row[None], 5, boundary=boundary) for row in x])
        assert together == pytest.approx(alone, abs=0.05)
    assert fitted.transform(x[:0], 5).shape == (0, 2)


def test_a_run_in_which_nothing_changes_stands_still(folder, tmp_path):
    for run in rounding.runs(folder, tmp_path):
        first, rest = run.epochs[0], run.epochs[1:]
        for epoch in rest:
            shutil.rmtree(run.folder / "epochs" / f"{epoch:06d}")
            copied = run.folder / "epochs" / f"{epoch:06d}"
            shutil.copytree(run.folder / "epochs" / f"{first:06d}", copied)
            for path in copied.glob("*.safetensors"):  # which say of which epoch they are
                weights.save_tensors(path, weights.load_tensors(path))
        still = dvi.DVI(**QUICK).fit(dvi.Run(run.folder)).landscape()
        for frame in still:
            assert frame.positions == pytest.approx(still[0].positions, abs=1e-4)


@pytest.mark.feature("A8")
def test_unseen_samples_lie_among_their_neighbours_whatever_these_are_predicted(folder, fitted):
    run = dvi.Run(folder)
    x, q = run.features(5), run.features(5, "test")
    frame = fitted.landscape().at(5)
    on_map = neighbors(frame.positions[: len(x)], 15, query=frame.positions[len(x) :])[0]
    shared = overlap(neighbors(x, 15, query=q)[0], on_map)
    assert shared.mean() > 0.4


def test_epochs_arranged_one_after_the_other_need_nothing_of_later_ones(folder, tmp_path):
    run = unfitted(folder, tmp_path / "causal")
    two = dvi.DVI(joint=False, **QUICK).fit(run, epochs=[0, 5]).landscape()
    three = dvi.DVI(joint=False, **QUICK).fit(run).landscape()
    for epoch in (0, 5):
        assert np.array_equal(two.at(epoch).positions, three.at(epoch).positions)
    joint = dvi.DVI(**QUICK).fit(run, epochs=[0, 5]).landscape()
    assert not np.array_equal(joint[1].positions, dvi.DVI(**QUICK).fit(run).landscape()[1].positions)


@pytest.mark.parametrize("boundary", [0, 1, 3])
def test_any_number_of_boundary_samples_will_do(tmp_path, boundary):
    record(tmp_path / "run", epochs=(0, 1), boundary=boundary / 120)
    run = dvi.Run(tmp_path / "run")
    assert len(run.boundary(1)) == boundary
    model = dvi.DVI(**QUICK).fit(run)
    assert np.isfinite(model.landscape()[1].positions).all()
    assert np.isfinite(model.transform(run.features(1, "test"), 1, boundary=True)).all()


def run_of(folder, x, labels=None):
    """A recorded run whose representations are x itself, at two epochs."""
    labels = np.arange(len(x)) % 2 if labels is None else labels
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(x.shape[1], 2))
    recording = dvi.Recorder(
        folder, model, train=(x, labels), test=(x[:2], labels[:2]), classes=["a", "b"], boundary=0
    )
    recording.capture(0)
    recording.capture(1)
    return dvi.Run(folder)


@pytest.mark.parametrize(
    "x",
    [
        np.random.default_rng(0).normal(size=(10, 4)),
        np.random.default_rng(0).normal(size=(30, 2)),
        np.repeat(np.random.default_rng(0).normal(size=(5, 4)), 8, axis=0),
        np.ones((30, 4)),
        np.random.default_rng(0).normal(size=(30, 4)) * [1, 0, 0, 0],
    ],
    ids=["ten samples", "two features", "duplicates", "all alike", "one live feature"],
)
@pytest.mark.parametrize("dimension", [2, 3])
def test_poor_data_still_give_a_landscape(tmp_path, x, dimension):
    run = run_of(tmp_path / "run", x.astype(np.float32))
    # A step in space costs much more than one in the plane.
    steps = QUICK["iterations"] if dimension == 2 else (10, 10, 10)
    landscape = dvi.DVI(k=5, dimension=dimension, iterations=steps).fit(run).landscape(resolution=8)
    assert all(np.isfinite(frame.positions).all() for frame in landscape)
    if dimension == 2:
        assert landscape[1].canvas[0].shape == (8, 8)


def test_one_epoch_is_enough(folder):
    assert len(dvi.DVI(**QUICK).fit(dvi.Run(folder), epochs=[5]).landscape()) == 1


def test_more_neighbours_than_samples_are_refused(folder):
    with pytest.raises(ValueError, match="k must be less than the 120 training samples; got 120"):
        dvi.DVI(k=120).fit(dvi.Run(folder))


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"k": 0}, "k must be a whole number"),
        ({"boundary_k": 1.5}, "boundary_k must be a whole number"),
        ({"xb_weight": -1}, "xb_weight must be a number of 0 or more"),
        ({"xb_cross": float("nan")}, "xb_cross must be"),
        ({"joint": 1}, "joint must be True or False"),
        ({"exaggeration": 0.5}, "exaggeration must be"),
        ({"cap": 0}, "cap must be a positive number"),
        ({"iterations": (1, 2)}, "iterations must be three"),
        ({"dimension": 4}, "dimension must be 2 or 3"),
    ],
)
def test_settings_out_of_range_are_refused(folder, settings_, message):
    with pytest.raises(ValueError, match=message):
        dvi.DVI(**settings_).fit(dvi.Run(folder))


@pytest.mark.parametrize("end", [nn.Tanh(), nn.LogSoftmax(dim=1)], ids=["curved", "log-softmax"])
def test_other_heads_than_a_linear_layer_serve_too(tmp_path, end):
    layers = [*network()[:3]]
    model = (
        nn.Sequential(*layers, nn.Linear(16, 8), end, nn.Linear(8, 10))
        if isinstance(end, nn.Tanh)
        else nn.Sequential(*layers, nn.Linear(16, 10), end)
    )
    options = {"layer": "3"} if isinstance(end, nn.Tanh) else {}
    trained = record(tmp_path / "run", epochs=(0, 3), model=model, **options)
    run = dvi.Run(tmp_path / "run", model=trained)
    landscape = dvi.DVI(**QUICK).fit(run).landscape(resolution=16)
    source, y = landscape.source, landscape[1].positions
    with torch.no_grad():
        logits = run.head(3)(torch.from_numpy(source.decode(3, y)))
    assert np.array_equal(source.paint(3, y)[0], logits.argmax(dim=1).numpy())


def test_three_dimensions_are_drawn_as_a_room_and_have_no_canvas(folder):
    landscape = dvi.DVI(dimension=3, **QUICK).fit(dvi.Run(folder)).landscape()
    assert landscape[0].positions.shape[1] == 3
    figure = landscape.figure(epoch=5)
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    assert len(landscape.figure().frames) == 3
    for ask in (lambda: landscape[0].canvas, lambda: landscape.trust(5)):
        with pytest.raises(RuntimeError, match="3 dimensions; a canvas needs 2"):
            ask()


# Trust


@pytest.mark.feature("F2")
def test_trust_is_the_way_from_a_pixel_to_where_its_decoding_is_placed(fitted):
    landscape = fitted.landscape()
    error = landscape.trust(5)
    assert error.shape == (100, 100)
    assert error.dtype == np.float32
    x0, x1, y0, y1 = landscape.extent
    pixel = np.array([[x0 + 0.735 * (x1 - x0), y0 + 0.205 * (y1 - y0)]], np.float32)
    back = fitted.transform(fitted.inverse_transform(pixel, 5), 5)
    assert error[20, 73] == pytest.approx(np.linalg.norm(back - pixel), abs=0.05)
    assert landscape.trust(5) is error


def test_pixels_far_from_samples_are_trusted_less(fitted):
    landscape = fitted.landscape()
    error = landscape.trust(10)
    x0, x1, y0, y1 = landscape.extent
    at = ((landscape.at(10).positions - (x0, y0)) / (x1 - x0, y1 - y0) * 100).astype(int)
    assert np.median(error[at[:, 1], at[:, 0]]) < 0.5 * np.median(error)


@pytest.mark.feature("F2")
def test_neighbor_loss_is_what_nn_pv_misses(folder, fitted):
    landscape = fitted.landscape()
    loss = landscape.neighbor_loss(5, k=10)
    table = landscape.measures(k=[10])
    kept = table[(table.measure == "nn_pv") & (table.epoch == 5)].set_index("split").value
    n = dvi.Run(folder).n_train
    assert 1 - loss[:n].mean() == pytest.approx(kept["train"])
    assert 1 - loss[n:].mean() == pytest.approx(kept["test"])


def test_measures_can_be_taken_on_some_samples(fitted):
    landscape = fitted.landscape()
    rows = np.r_[3, 50:90, 130:150]
    table = landscape.measures(k=[10], rows=rows)
    kept = table[(table.measure == "nn_pv") & (table.epoch == 5)].set_index("split").value
    loss = landscape.neighbor_loss(5, k=10)
    assert kept["train"] == pytest.approx(1 - loss[rows[rows < 120]].mean())
    assert kept["test"] == pytest.approx(1 - loss[rows[rows >= 120]].mean())


# Against the published method


@pytest.mark.feature("E6")
def test_the_layout_is_no_worse_than_the_published_method_on_digits(tmp_path):
    gaps = []
    for seed in range(3):
        record(tmp_path / str(seed), epochs=(0, 3, 6, 9), model=network(seed), seed=seed)
        run = dvi.Run(tmp_path / str(seed))
        values = [
            model.fit(run).landscape().measures(k=[15]).groupby(["measure", "split"]).value.mean()
            for model in (dvi.DVI(), dvi.DVI(method="paper", steps=(250, 120), seed=seed))
        ]
        gaps.append(values[0] - values[1])
    gap = sum(gaps) / len(gaps)
    for split in ("train", "test"):
        for measure in ("nn_pv", "boundary_pv", "ppr"):
            if (measure, split) in gap:
                assert gap[measure, split] > -0.02


def test_no_sample_is_carried_out_of_the_map():
    # The layout has the sample on the left, the skeleton has it move from the right to the left.
    anchors, old, skeleton_has = (np.array([place]) for place in ([-3.0, 0], [-1.0, 0], [-1.2, 0]))
    assert _within(anchors, old, skeleton_has) == pytest.approx(np.array([[-1.2, 0]]))
    assert _within(old, old, np.zeros((1, 2))) == pytest.approx(old)


def test_decoders_with_large_tables_share_the_memory_of_one_and_decode_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 40)).astype(np.float32)
    y, points = x[:, :2] * 10, 10 * rng.normal(size=(500, 2)).astype(np.float32)
    head = rng.normal(size=(60, 40)).astype(np.float32), np.zeros(60, np.float32)
    small = GridDecoder.fit(y, x, Axes.fit(x))
    decoded, logits = small.decode(points), small.logits(points, *head)
    monkeypatch.setattr(grid_decoder, "_MAX_KEPT_ENTRIES", 1)
    first, second = (GridDecoder.load(small.arrays()) for _ in range(2))
    for decoder in (first, second, first):
        assert np.array_equal(decoder.decode(points), decoded)
    assert (first._table is None, second._table is None) == (False, True)
    # Of many points at once no table is built.
    monkeypatch.setattr(grid_decoder, "_MANY_POINTS", 1)
    third = GridDecoder.load(small.arrays())
    np.testing.assert_allclose(third.decode(points), decoded, atol=1e-5)
    np.testing.assert_allclose(third.logits(points, *head), logits, atol=1e-4)
    assert third._table is None
