"""A classifier as c = g∘f: where it is split, what its outputs mean, and that it is left as it was."""

import copy
import dataclasses
import re
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier
from torch import nn

from dvi_widget.subject import Predictor, Subject, as_predictor


def perceptron(*tail: nn.Module, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 12), nn.ReLU(), nn.Linear(12, 5), *tail)


def convolutional(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 8),
        nn.ReLU(),
        nn.Linear(8, 3),
    )


class Scrambled(nn.Module):
    """Registers its layers in another order than they run in, and one that never runs."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 4)
        self.middle = nn.Linear(6, 6)
        self.first = nn.Linear(9, 6)
        self.unused = nn.Linear(6, 2)

    def forward(self, x):
        return self.last(self.middle(self.first(x).relu()).relu())


class Skipping(nn.Module):
    """The input passes its only linear layer on another way."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(6, 6)

    def forward(self, x):
        return self.inner(x.relu()) + x


def pictures(n=10, seed=1):
    return np.random.default_rng(seed).normal(size=(n, 1, 6, 6)).astype(np.float32)


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


# Where it is split


def test_the_representation_is_what_enters_the_last_linear_layer():
    model, x = perceptron(), pictures()
    subject = Subject(model)
    features, logits = subject.features_and_logits(x)
    with torch.no_grad():
        hidden = model[:3](torch.from_numpy(x))
    np.testing.assert_allclose(features, hidden, atol=1e-6)
    np.testing.assert_allclose(logits, model[3](hidden).detach(), atol=1e-6)
    assert features.dtype == logits.dtype == np.float32
    assert (subject.layer, subject.side, subject.head_kind) == ("3", "input", "linear")
    np.testing.assert_array_equal(subject.linear_head[0], model[3].weight.detach())
    np.testing.assert_array_equal(subject.linear_head[1], model[3].bias.detach())


def test_last_means_the_order_of_execution_not_of_registration():
    subject = Subject(Scrambled())
    features = subject.features(np.ones((3, 9), np.float32))
    assert subject.layer == "last"
    assert features.shape == (3, 6)


def test_naming_the_last_linear_layer_is_the_default():
    model, x = perceptron(), pictures()
    named = Subject(model, layer="3")
    np.testing.assert_array_equal(named.features(x), Subject(model).features(x))
    assert named.head_kind == "linear"


def test_a_linear_layer_without_bias_has_a_head_with_zeros():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2, bias=False))
    subject = Subject(model)
    subject.features(np.ones((2, 4), np.float32))
    assert not subject.linear_head[1].any()


def test_a_network_that_is_one_linear_layer_has_its_inputs_as_representations():
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    subject = Subject(nn.Linear(4, 3))
    np.testing.assert_array_equal(subject.features(x), x)


@pytest.mark.parametrize(("layer", "width"), [("2", 144), ("4", 16), ("5", 16), ("6", 8), ("0", 144)])
def test_the_output_of_a_named_module_is_the_representation_and_the_rest_is_the_head(layer, width):
    model, x = convolutional().eval(), pictures()
    subject = Subject(model, layer=layer)
    features, logits = subject.features_and_logits(x)
    with torch.no_grad():
        wanted = model[: int(layer) + 1](torch.from_numpy(x)).flatten(1)
    assert features.shape == (10, width)
    np.testing.assert_allclose(features, wanted, atol=1e-6)
    np.testing.assert_allclose(subject.head(torch.from_numpy(features)).detach(), logits, atol=1e-5)
    assert subject.linear_head is None


def test_a_module_that_runs_twice_is_split_at_its_last_run():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c, self.relu = nn.Linear(4, 6), nn.Linear(6, 7), nn.Linear(7, 3), nn.ReLU()

        def forward(self, x):
            return self.c(self.relu(self.b(self.relu(self.a(x)))))

    subject = Subject(Twice(), layer="relu")
    features, logits = subject.features_and_logits(np.random.default_rng(0).normal(size=(4, 4)))
    assert features.shape == (4, 7)
    np.testing.assert_allclose(subject.head(torch.from_numpy(features)).detach(), logits, atol=1e-6)


def test_a_network_that_fixes_the_batch_size_early_has_a_head_all_the_same():
    class Early(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.out = nn.Conv2d(1, 2, 3, padding=1), nn.Linear(72, 3)

        def forward(self, x):
            n = x.shape[0]
            return self.out(self.conv(x).relu().view(n, -1))

    subject = Subject(Early(), layer="conv")
    features, logits = subject.features_and_logits(pictures())
    np.testing.assert_allclose(subject.head(torch.from_numpy(features)).detach(), logits, atol=1e-5)


def test_a_wrapped_network_is_split_inside():
    subject = Subject(nn.DataParallel(perceptron()))
    subject.features(pictures())
    assert subject.layer == "3"


@pytest.mark.parametrize(
    ("model", "layer", "words"),
    [
        (
            lambda: nn.Sequential(nn.Conv2d(1, 3, 6), nn.Flatten()),
            None,
            r"an nn.Linear.*0 \(Conv2d\)",
        ),
        (perceptron, "head", r"layer must be a module of the network; got 'head'.*3 \(Linear\)"),
        (perceptron, "", r"layer must be a module of the network; got ''"),
    ],
)
def test_a_network_that_cannot_be_split_names_its_layers_and_the_way_out(model, layer, words):
    with pytest.raises(ValueError, match=f"(?s){words}") as error:
        Subject(model(), layer=layer)
    assert "layer=<name>" in str(error.value)


@pytest.mark.parametrize(
    ("model", "layer", "words"),
    [
        (Skipping, None, "got 'inner', but the outputs depend on more than its input"),
        (Scrambled, "unused", "got 'unused', which does not run"),
    ],
)
def test_what_only_a_forward_pass_shows_is_said_with_the_layers_too(model, layer, words):
    x = np.random.default_rng(0).normal(size=(4, 6 if model is Skipping else 9)).astype(np.float32)
    with pytest.raises(ValueError, match=words) as error:
        Subject(model(), layer=layer).features(x)
    assert "layer=<name>" in str(error.value)


def test_a_layer_that_gives_no_single_tensor_is_refused():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, x):
            return self.out(self.rnn(x)[0][:, -1])

    x = np.ones((2, 5, 3), np.float32)
    assert Subject(Recurrent()).features(x).shape == (2, 4)
    with pytest.raises(ValueError, match=r"one tensor with a row per sample.*got 'rnn', which has a tuple"):
        Subject(Recurrent(), layer="rnn").features(x)


def test_the_split_is_unknown_before_the_network_has_run():
    with pytest.raises(RuntimeError, match="call features"):
        _ = Subject(perceptron()).layer


# The head


def test_the_head_is_differentiable_in_the_representation_and_never_in_the_weights():
    model = convolutional().eval()
    subject = Subject(model, layer="5")
    x = torch.from_numpy(subject.features(pictures())).requires_grad_()
    subject.head(x).square().sum().backward()
    wanted = x.detach().clone().requires_grad_()
    model[6:](wanted).square().sum().backward()
    torch.testing.assert_close(x.grad, wanted.grad)
    model.zero_grad()
    x.grad = None
    subject.head(x).sum().backward()
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("layer", [None, "2"])
def test_the_head_answers_in_the_type_it_was_asked_in(layer):
    subject = Subject(perceptron(), layer=layer)
    x = torch.from_numpy(subject.features(pictures())).double()
    assert subject.head(x).dtype == torch.float64


@pytest.mark.parametrize("shape", [(3,), (3, 11), (3, 12, 1)])
def test_the_head_refuses_what_is_no_representation(shape):
    subject = Subject(perceptron())
    subject.features(pictures())
    with pytest.raises(ValueError, match=r"x must be representations \[n, 12\]"):
        subject.head(torch.zeros(shape))


def test_an_in_place_layer_behind_the_split_changes_neither_representation_nor_argument():
    model, x = convolutional().eval(), pictures()
    subject = Subject(model, layer="1")
    features = subject.features(x)
    assert (features < 0).any()
    given = torch.from_numpy(features.copy())
    subject.head(given)
    np.testing.assert_array_equal(given, features)


# What outputs mean


def test_a_network_that_gives_probabilities_is_taken_at_its_logarithm_with_a_warning():
    subject = Subject(perceptron(nn.Softmax(1)))
    with pytest.warns(UserWarning, match="sum to one"):
        features, logits = subject.features_and_logits(pictures())
    np.testing.assert_allclose(np.exp(logits).sum(1), 1, atol=1e-5)
    assert subject.head_kind == "log_softmax"
    assert subject.linear_head is None
    np.testing.assert_allclose(subject.head(torch.from_numpy(features)), logits, atol=1e-5)


def test_log_softmax_is_logits_without_a_warning():
    subject = Subject(perceptron(nn.LogSoftmax(1)))
    _, logits = subject.features_and_logits(pictures())
    np.testing.assert_allclose(np.exp(logits).sum(1), 1, atol=1e-5)
    assert subject.head_kind == "log_softmax"


def test_outputs_overrides():
    x = pictures()
    plain = Subject(perceptron(nn.Softmax(1)), outputs="logits").predict(x)
    np.testing.assert_allclose(plain.sum(1), 1, atol=1e-5)
    raw = Predictor(lambda x: x.reshape(len(x), -1), outputs="logits")
    np.testing.assert_array_equal(raw.predict(x), x.reshape(10, -1))


def test_predict_proba_gives_logarithms_of_probabilities():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), rng.integers(3, size=60)
    model = LogisticRegression().fit(x, y)
    np.testing.assert_allclose(as_predictor(model).predict(x), model.predict_log_proba(x), rtol=1e-5)
    np.testing.assert_allclose(
        as_predictor(model.predict_proba).predict(x), model.predict_log_proba(x), rtol=1e-5
    )


def test_certainty_stays_finite():
    logits = Predictor(lambda x: np.tile([1, 0], (len(x), 1))).predict(np.zeros((2, 3)))
    assert np.isfinite(logits).all()
    assert (logits.argmax(1) == 0).all()


@pytest.mark.parametrize("answer", [[0.5, 0.6], [1.5, -0.5], [np.inf, 1]])
def test_rows_that_are_no_probabilities_are_an_error(answer):
    with pytest.raises(ValueError, match=r'must return probabilities.*outputs="logits"'):
        Predictor(lambda x: np.tile(answer, (len(x), 1))).predict(np.zeros((2, 3)))


def test_outputs_that_are_no_numbers_are_not_called_logits():
    with pytest.raises(ValueError, match=r"must return probabilities; got NaN in row 1") as raised:
        Predictor(lambda _: [[0.5, 0.5], [np.nan, 0.5]]).predict(np.zeros((2, 3)))
    assert 'outputs="logits"' not in str(raised.value)


@pytest.mark.parametrize("shape", [(4,), (4, 1), (3, 2), (4, 2, 2)])
def test_outputs_that_are_not_one_row_of_classes_per_sample_are_an_error(shape):
    with pytest.raises(ValueError, match="one row per sample"):
        Predictor(lambda _: np.full(shape, 0.5)).predict(np.zeros((4, 3)))


class Returning(nn.Module):
    """Returns its logits inside something else."""

    def __init__(self, wrap, width=5):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.out, self.wrap = nn.Linear(36, 12), nn.Linear(12, width), wrap

    def forward(self, x):
        h = self.body(x.flatten(1)).relu()
        return self.wrap(self.out(h), h)


@dataclasses.dataclass
class Answer:
    """As the models of Hugging Face answer."""

    logits: torch.Tensor
    hidden: torch.Tensor


@pytest.mark.parametrize(
    ("wrap", "said"),
    [
        (Answer, None),
        (lambda z, h: {"hidden": h, "logits": z}, r"a dict, of which its entry 'logits' \(8, 5\)"),
        (lambda z, h: (z, h), r"a tuple, of which its part 0 \(8, 5\)"),
        (lambda z, h: (z.sum(), [h], z), r"a tuple, of which its part 2 \(8, 5\)"),
    ],
)
def test_logits_are_found_in_whatever_a_network_returns_and_said_once(wrap, said):
    model, x = Returning(wrap), pictures()
    plain = Returning(lambda z, h: z).eval()(torch.from_numpy(x)).detach().numpy()
    subject = Subject(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        features, logits = subject.features_and_logits(x)
        subject.predict(x)
    assert len(caught) == (said is not None)
    assert all(re.search(said, str(warning.message)) for warning in caught)
    np.testing.assert_array_equal(logits, plain)
    assert subject.head_kind == "linear"
    np.testing.assert_allclose(subject.head(torch.from_numpy(features)), plain, atol=1e-6)


def test_a_network_that_returns_no_logits_names_what_it_returns():
    with pytest.raises(TypeError, match=r"got dict of a tensor \(8, 2, 3\), which holds no such tensor"):
        Subject(Returning(lambda z, h: {"boxes": z.new_zeros(len(z), 2, 3)})).features(pictures())


@pytest.mark.parametrize("squeeze", [False, True])
def test_a_single_logit_is_that_of_the_second_of_two_classes(squeeze):
    model, x = Returning(lambda z, h: z.squeeze(1) if squeeze else z, width=1), pictures()
    subject = Subject(model)
    features, logits = subject.features_and_logits(x)
    with torch.no_grad():
        z = model(torch.from_numpy(x)).reshape(-1)
    np.testing.assert_array_equal(logits, np.stack([np.zeros(len(z)), z], 1))
    assert subject.head_kind == "linear"
    weight, bias = subject.linear_head
    np.testing.assert_allclose(features @ weight.T + bias, logits, atol=1e-6)


@pytest.mark.parametrize(
    "sigmoid", [lambda z, h: z.sigmoid(), lambda z, h: torch.sigmoid_(z), lambda z, h: nn.Sigmoid()(z)]
)
@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_network_that_ends_in_a_sigmoid_is_read_before_it_with_a_warning(sigmoid, width):
    model, x = Returning(sigmoid, width), 30 * pictures()  # sure of itself: the sigmoid has no digits left
    subject = Subject(model)
    with pytest.warns(UserWarning, match="leave a sigmoid"):
        features, logits = subject.features_and_logits(x)
    plain = Subject(Returning(lambda z, h: z, width)).predict(x)
    np.testing.assert_array_equal(logits, plain)
    assert (subject.outputs, subject.head_kind) == ("sigmoid", "linear")
    np.testing.assert_allclose(subject.head(torch.from_numpy(features)), plain, rtol=1e-4, atol=1e-4)


def test_sigmoids_of_a_plain_function_are_read_when_asked_for():
    z = np.array([[-3.0, 2.0, 0.5], [4.0, 4.0, -9.0]])
    with pytest.raises(ValueError, match='outputs="sigmoid" if each class'):
        Predictor(lambda x: 1 / (1 + np.exp(-z))).predict(z)
    found = Predictor(lambda x: 1 / (1 + np.exp(-z)), outputs="sigmoid").predict(z)
    np.testing.assert_allclose(found, z, rtol=1e-5)
    single = Predictor(lambda x: 1 / (1 + np.exp(-z[:, 0])), outputs="sigmoid").predict(z)
    np.testing.assert_allclose(single, np.stack([[0, 0], z[:, 0]], 1), rtol=1e-5)


def test_logits_between_zero_and_one_are_no_sigmoids():
    model = perceptron()
    with torch.no_grad():
        model[3].weight.mul_(1e-3)
        model[3].bias.fill_(0.5)
    subject = Subject(model)
    np.testing.assert_allclose(subject.predict(pictures()), 0.5, atol=0.05)
    assert subject.outputs == "logits"


def test_a_classifier_that_only_decides_is_read_when_asked_for():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), rng.integers(3, size=60)
    model = RidgeClassifier().fit(x, y)
    with pytest.raises(TypeError, match=r'CalibratedClassifierCV.*Predictor\(model, outputs="logits"\)'):
        as_predictor(model)
    decided = Predictor(model, outputs="logits")
    np.testing.assert_allclose(decided.predict(x), model.decision_function(x), rtol=1e-5)
    two = Predictor(RidgeClassifier().fit(x, y > 0), outputs="logits").predict(x)
    assert two.shape == (60, 2)
    assert not two[:, 0].any()


def test_several_classifiers_in_one_are_refused_with_the_way_to_each():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), rng.integers(2, size=(60, 3))
    model = MultiOutputClassifier(LogisticRegression()).fit(x, y)
    with pytest.raises(TypeError, match=r"got 3 of them.*estimators_\[0\]"):
        as_predictor(model).predict(x)


def test_autocast_around_a_prediction_does_not_reach_it():
    subject, x = Subject(perceptron()), pictures()
    exact = subject.features_and_logits(x)
    with torch.autocast("cpu", torch.bfloat16):
        inside = subject.features_and_logits(x)
    np.testing.assert_array_equal(exact[0], inside[0])
    np.testing.assert_array_equal(exact[1], inside[1])


def test_what_outputs_are_is_one_of_three_words():
    with pytest.raises(TypeError, match=r'"logits", "probabilities", "sigmoid", or None.*got True'):
        Predictor(perceptron(), outputs=True)


@pytest.mark.parametrize(("model", "words"), [(3, "got int"), (LogisticRegression, "must be an instance")])
def test_what_is_no_classifier_is_refused(model, words):
    with pytest.raises(TypeError, match=words):
        as_predictor(model)


def test_a_subject_needs_a_torch_module():
    with pytest.raises(TypeError, match="as_predictor"):
        Subject(LogisticRegression())


def test_a_predictor_is_passed_on_as_it_is():
    subject = Subject(perceptron())
    assert as_predictor(subject) is subject


# Inputs


@settings(max_examples=25)
@given(n=st.integers(1, 30), batch_size=st.integers(1, 40), layer=st.sampled_from([None, "4", "5"]))
def test_the_batch_size_makes_no_difference(n, batch_size, layer):
    model, x = convolutional(), pictures(n)
    whole = Subject(model, layer=layer).features_and_logits(x)
    parts = Subject(model, layer=layer, batch_size=batch_size).features_and_logits(x)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_arrays_and_tensors_of_any_precision_mean_the_same():
    subject, x = Subject(perceptron()), pictures()
    wanted = subject.predict(x)
    for same in (
        x.astype(np.float64),
        x.astype(">f4"),
        torch.from_numpy(x),
        torch.from_numpy(x).double(),
        x.tolist(),
    ):
        np.testing.assert_allclose(subject.predict(same), wanted, atol=1e-6)


def test_bytes_reach_a_network_that_takes_bytes():
    class Bytes(nn.Module):
        def __init__(self):
            super().__init__()
            self.rest = perceptron()

        def forward(self, x):
            return self.rest(x.float() / 255)

    x = np.random.default_rng(0).integers(256, size=(4, 1, 6, 6), dtype=np.uint8)
    model = Bytes()
    np.testing.assert_allclose(Subject(model).predict(x), Subject(model.rest).predict(x / 255), atol=1e-5)


def test_bytes_for_a_network_that_takes_floats_are_explained():
    with pytest.raises(TypeError, match=r"got torch.uint8.*astype\('float32'\) / 255"):
        Subject(perceptron()).features(np.zeros((2, 1, 6, 6), np.uint8))


def test_no_samples_are_an_error():
    with pytest.raises(ValueError, match=r"n of 1 or more; got shape \(0, 1, 6, 6\)"):
        Subject(perceptron()).features(np.zeros((0, 1, 6, 6), np.float32))


def test_a_network_in_half_precision_gives_float32():
    model = perceptron().to(torch.bfloat16)
    features, logits = Subject(model).features_and_logits(pictures())
    assert features.dtype == logits.dtype == np.float32


# The network is left as it was


class Meddling(nn.Module):
    """Changes its buffers at every call, in place and by reassignment, draws random numbers, and may fail."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("seen", torch.zeros(1))
        self.body = convolutional()
        self.fail = False

    def forward(self, x):
        self.calls += 1
        self.seen = self.seen + len(x)
        torch.rand(3)
        if self.fail:
            raise RuntimeError("broken")
        return self.body(x)


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("layer", [None, "body.4"])
def test_modes_weights_buffers_gradients_and_random_state_are_untouched(fail, layer):
    model, x = Meddling().train(), pictures()
    model.body[1].eval()
    model.body(torch.from_numpy(x)).sum().backward()
    modes = [module.training for module in model.modules()]
    gradients = [weight.grad.clone() for weight in model.parameters()]
    before, random = state(model), torch.random.get_rng_state()

    subject = Subject(model, layer=layer)
    features = subject.features(x)
    subject.head(torch.from_numpy(features).requires_grad_()).sum().backward()
    subject.predict(x)
    if fail:
        model.fail = True
        with pytest.raises(RuntimeError, match="broken"):
            subject.features(x)

    assert [module.training for module in model.modules()] == modes
    for name, value in state(model).items():
        assert torch.equal(value, before[name]), name
    for weight, gradient in zip(model.parameters(), gradients, strict=True):
        assert torch.equal(weight.grad, gradient)
    assert torch.equal(torch.random.get_rng_state(), random)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_predictions_are_those_of_evaluation_mode():
    model, x = convolutional(), pictures()
    logits = Subject(model.train()).predict(x)
    with torch.no_grad():
        np.testing.assert_allclose(logits, copy.deepcopy(model).eval()(torch.from_numpy(x)), atol=1e-6)


def test_a_first_layer_that_works_in_place_does_not_reach_the_inputs():
    model = nn.Sequential(nn.ReLU(inplace=True), perceptron())
    for x in (pictures(), torch.from_numpy(pictures())):
        before = copy.deepcopy(x)
        Subject(model).features(x)
        np.testing.assert_array_equal(x, before)


# Several inputs


class Reading(nn.Module):
    """Reads tokens under a mask, and a table beside them if there is one."""

    def __init__(self, table=0):
        super().__init__()
        torch.manual_seed(0)
        self.words, self.out = nn.Embedding(20, 6), nn.Linear(6 + table, 3)

    def forward(self, input_ids, attention_mask=None, table=None):
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        mean = (self.words(input_ids) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return {"logits": self.out(mean if table is None else torch.cat([mean, table], 1))}


def tokens(n=12):
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 20, size=(n, 7))
    mask = (np.arange(7) < rng.integers(2, 8, size=(n, 1))).astype(np.int64)
    return ids, mask, rng.normal(size=(n, 2)).astype(np.float32)


@pytest.mark.filterwarnings("ignore:The model returns a dict")
@pytest.mark.parametrize("layer", [None, "words"])
def test_inputs_by_name_and_in_order_are_passed_on_as_they_are(layer):
    ids, mask, table = tokens()
    model = Reading(table=2)
    with torch.no_grad():
        wanted = model(*(torch.from_numpy(part) for part in (ids, mask, table)))["logits"].numpy()
    named = {"input_ids": ids, "attention_mask": torch.from_numpy(mask), "table": table.astype(np.float64)}
    for inputs in (named, (ids, mask, table)):
        subject = Subject(model, batch_size=5)
        features, logits = subject.features_and_logits(inputs)
        np.testing.assert_allclose(logits, wanted, atol=1e-6)
        np.testing.assert_allclose(subject.head(torch.from_numpy(features)), wanted, atol=1e-5)
        np.testing.assert_array_equal(subject.predict(inputs), logits)
    if layer is not None:
        with pytest.raises(ValueError, match="depend on more than its output"):
            Subject(model, layer=layer).features(named)


def test_inputs_of_different_numbers_are_named():
    ids, mask, _ = tokens()
    with pytest.raises(ValueError, match="as many samples of each kind; got 12 of 'a', 4 of 'b'"):
        Subject(Reading()).features({"a": ids, "b": mask[:4]})
    with pytest.raises(ValueError, match="at least one sample"):
        Subject(Reading()).features({})


def test_the_token_that_a_network_classifies_is_its_representation():
    class LastToken(nn.Module):
        """As language models classify: every token gets logits, those of the last one count."""

        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.words, self.rnn = nn.Embedding(20, 6), nn.GRU(6, 5, batch_first=True)
            self.score = nn.Linear(5, 3, bias=False)

        def forward(self, input_ids, attention_mask):
            z = self.score(self.rnn(self.words(input_ids))[0])
            return z[torch.arange(len(z)), attention_mask.sum(1) - 1]

    ids, mask, _ = tokens()
    subject = Subject(LastToken())
    features, logits = subject.features_and_logits({"input_ids": ids, "attention_mask": mask})
    assert features.shape == (12, 5)
    assert subject.head_kind == "linear"
    np.testing.assert_allclose(features @ subject.linear_head[0].T, logits, atol=1e-6)


def test_of_two_heads_the_one_that_returns_the_logits_is_split():
    class TwoHeads(nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk, self.digit, self.odd = nn.Linear(6, 4), nn.Linear(4, 3), nn.Linear(4, 1)

        def forward(self, x):
            h = self.trunk(x).relu()
            return {"logits": self.digit(h), "odd": self.odd(h)}

    torch.manual_seed(0)
    subject, x = Subject(TwoHeads(), outputs="logits"), torch.randn(9, 6)
    h, z = subject.features_and_logits(x)
    assert (subject.layer, subject.side, subject.head_kind) == ("digit", "input", "linear")
    np.testing.assert_allclose(subject.head(torch.from_numpy(h)).numpy(), z, atol=1e-6)


def test_a_head_under_spectral_norm_is_read_as_in_evaluation_and_left_as_it_was():
    torch.manual_seed(0)
    layer = torch.nn.utils.parametrizations.spectral_norm(nn.Linear(6, 3))
    model, x = nn.Sequential(nn.ReLU(), layer).train(), torch.randn(9, 6)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    subject = Subject(model)
    h, z = subject.features_and_logits(x)
    weight, bias = subject.linear_layer
    np.testing.assert_allclose(h @ weight.T + bias, z, atol=1e-6)
    np.testing.assert_allclose(subject.head(torch.from_numpy(h)).numpy(), z, atol=1e-6)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
