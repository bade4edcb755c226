"""Situations of transformers, Lightning, Keras, skorch and boosters: random weights, nothing downloaded."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from .classical import ARRAYS, FEW, MAP, fitted, table
from .having import RECORD, body, compiled, digits, drawn, logits, with_network
from .judging import Given, Situation

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

HF = ("transformers",)
SMALL: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_labels": 3,
}


# transformers


def tokens() -> Given:
    """Numbers of words, padded at the end."""
    have = drawn((6,))
    generator = np.random.default_rng(1)
    for x, y in (("x", "y"), ("xt", "yt")):
        n = len(have[y])
        have[x] = {
            "input_ids": generator.integers(5, 15, (n, 6)) + 10 * have[y][:, None],
            "attention_mask": (np.arange(6) < generator.integers(3, 7, (n, 1))).astype(int),
        }
        have[x]["input_ids"] *= have[x]["attention_mask"]
    return have


def hugging(
    config: str, model: str, have: Callable[[], Given] = tokens, **settings: Any
) -> Callable[[], Given]:
    """A network of transformers with random weights."""

    def make() -> nn.Module:
        library = import_module("transformers")
        network: nn.Module = getattr(library, model)(getattr(library, config)(**settings))
        return network

    return with_network(make, have, own=lambda returned: returned.logits, steps=1)


def texts(name: str, **settings: Any) -> Callable[[], Given]:
    return hugging(f"{name}Config", f"{name}ForSequenceClassification", tokens, **{**SMALL, **settings})


def pictures(side: int, channels: int = 3) -> Callable[[], Given]:
    return lambda: drawn((channels, side, side))


def hugging_sets() -> Given:
    """Tokenized datasets of Hugging Face, with their texts, and what its trainer needs."""
    library, data = import_module("transformers"), import_module("datasets")
    have = texts("Bert", num_labels=3)()

    def rows(x: str, y: str) -> Any:
        said = [" ".join(map(str, ids)) for ids in have[x]["input_ids"]]
        columns = {key: part.tolist() for key, part in have[x].items()}
        return data.Dataset.from_dict({"text": said, "label": have[y].tolist(), **columns})

    place = tempfile.mkdtemp()
    have["model"].config.id2label = dict(enumerate(have["names"]))
    arguments = library.TrainingArguments(
        place, num_train_epochs=2, report_to="none", save_strategy="epoch", disable_tqdm=True, use_cpu=True
    )
    return have | {
        "tokens": rows("x", "y"),
        "tokens_test": rows("xt", "yt"),
        "arguments": arguments,
        "Trainer": library.Trainer,
        "out": Path(place),
    }


HUGGING_SETS = """
recorder = dvi.Recorder(folder, model, train=tokens, test=tokens_test, classes=model.config.id2label)
"""
TRAINED = (
    HUGGING_SETS
    + "Trainer(model, arguments, train_dataset=tokens, callbacks=[dvi.HuggingFaceCallback(recorder)]).train()"
)
SAVED = """
Trainer(model, arguments, train_dataset=tokens).train()
dvi.record_checkpoints(folder, model, out / "checkpoint-*", train=tokens, test=tokens_test, classes=names)
"""
PICTURES_HF: dict[str, Any] = {**SMALL, "image_size": 16, "patch_size": 4, "num_channels": 3}
ROLLOUT = 'maps = dvi.attribute(model, xt[:2], method="{}")'


# Lightning


def module(**changes: Any) -> Callable[[], Given]:
    """A LightningModule that trains on the digits, and its trainer."""

    def given() -> Given:
        lightning = import_module("lightning")
        torch.manual_seed(0)

        class Module(lightning.LightningModule):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.net: nn.Module = body()
                self.last = torch.as_tensor(list(self.net.parameters())[-1]).detach()

            if changes.get("forward", True):

                def forward(self, x: Any) -> Any:
                    return self.net(x)

            def training_step(self, batch: Any, step: int) -> Any:
                x, y = batch
                loss = nn.functional.cross_entropy(self.net(x), y)
                self.log(changes.get("metric", "train_loss"), loss, on_epoch=True)
                if changes.get("breaks") == self.current_epoch and step == 2:  # the last of an epoch
                    self.last.fill_(float("nan"))
                return loss

            def on_train_epoch_start(self) -> None:
                self.last.nan_to_num_()

            def configure_optimizers(self) -> Any:
                return torch.optim.SGD(self.net.parameters(), lr=0.05)

        have = digits()
        network = Module()
        place = Path(tempfile.mkdtemp())
        trainer = {
            "max_epochs": 3,
            "accelerator": "cpu",
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "enable_checkpointing": bool(changes.get("saved")),
            "default_root_dir": place,
        }
        if changes.get("saved"):
            checkpoint = import_module("lightning.pytorch.callbacks").ModelCheckpoint
            trainer["callbacks"] = [checkpoint(place, save_top_k=-1, save_weights_only=True)]
        if changes.get("compiled"):
            network.net = compiled(network.net)
        data = TensorDataset(torch.as_tensor(have["x"]), torch.as_tensor(have["y"]))
        return have | {
            "model": network,
            "loader": DataLoader(data, batch_size=32),
            "Trainer": lightning.Trainer,
            "options": trainer,
            "ckpt": place,
            "own": lambda: logits(network.net, (have["x"], have["xt"]), lambda z: z),
        }

    return given


LIGHTNING = ("lightning",)
CALLBACK = """
callback = dvi.LightningCallback(folder, train=(x, y), test=(xt, yt), classes=names)
Trainer(callbacks=[callback], **options).fit(model, loader)
"""
NETWORK_ALONE = CALLBACK.replace("folder, train", "folder, model.net, train")
LIGHTNING_SAVED = """
Trainer(**options).fit(model, loader)
dvi.record_checkpoints(folder, model, ckpt / "*.ckpt", train=(x, y), test=(xt, yt), classes=names)
"""


# Keras, skorch, boosters


def keras_network() -> Given:
    """A sequential network of Keras on its torch backend."""
    keras = import_module("keras")
    keras.utils.set_random_seed(0)
    have = digits()
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((1, 8, 8)), layers.Flatten(), layers.Dense(16, "relu"), layers.Dense(10)]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    given = have | {"keras": keras, "network": model}

    def own() -> Any:
        return np.concatenate([model.predict(have[x], verbose=0) for x in ("x", "xt")])

    return given | {"own": own}


KERAS_ARRAYS = (
    "body = keras.Model(network.inputs, network.layers[-1].input)\n"
    + ARRAYS
    + """
for epoch in range(2):
    network.fit(x, y, verbose=0)
    recorder.capture(epoch, features=(body.predict(x, verbose=0), body.predict(xt, verbose=0)),
                     logits=(network.predict(x, verbose=0), network.predict(xt, verbose=0)),
                     head=network.layers[-1].get_weights())
"""
)


def skorch_network() -> Given:
    skorch = import_module("skorch")
    have = digits()
    torch.manual_seed(0)
    network = skorch.NeuralNetClassifier(
        body, criterion=nn.CrossEntropyLoss, max_epochs=2, lr=0.1, verbose=0, train_split=None
    )
    network.initialize()
    return have | {
        "skorch": skorch,
        "network": network,
        "own": lambda: logits(network.module_, (have["x"], have["xt"]), lambda z: z),
    }


SKORCH = """
recorder = dvi.Recorder(folder, network.module_, train=(x, y), test=(xt, yt), classes=names)
for epoch in range(2):
    network.partial_fit(x, y, epochs=1)
    recorder.capture(epoch)
"""


def skorch_map() -> Given:
    have = skorch_network()
    x = have["x"][:FEW]
    model = have["network"].fit(have["x"], have["y"])
    return have | {"model": model, "x": x, "y": have["y"][:FEW], "own": lambda: model.predict(x)}


def boosted(library: str, name: str, **settings: Any) -> Callable[[], Given]:
    return fitted(lambda: getattr(import_module(library), name)(**settings), table)


def booster_rounds() -> Given:
    """A booster of xgboost, whose rounds are recorded as epochs by its leaves' margins."""
    xgboost = import_module("xgboost")
    have = table()
    model = xgboost.XGBClassifier(n_estimators=6, max_depth=2, n_jobs=1).fit(have["x"], have["y"])
    return have | {
        "booster": model,
        "own": lambda: np.concatenate([model.predict(have[x], output_margin=True) for x in ("x", "xt")]),
    }


ROUNDS = (
    ARRAYS
    + """
for rounds in range(1, 7):
    z, zt = (booster.predict(part, output_margin=True, iteration_range=(0, rounds)) for part in (x, xt))
    recorder.capture(rounds, features=(z, zt), logits=(z, zt))
"""
)

FRAMEWORKS = [
    Situation("BERT", texts("Bert"), RECORD, needs=HF, warns="cannot be mixed"),
    Situation("RoBERTa", texts("Roberta", pad_token_id=0), RECORD, needs=HF),
    Situation(
        "DistilBERT",
        hugging(
            "DistilBertConfig",
            "DistilBertForSequenceClassification",
            vocab_size=40,
            dim=16,
            n_layers=1,
            n_heads=2,
            hidden_dim=32,
            num_labels=3,
        ),
        RECORD,
        needs=HF,
    ),
    Situation("ALBERT", texts("Albert", embedding_size=8), RECORD, needs=HF),
    Situation("ELECTRA", texts("Electra", embedding_size=8), RECORD, needs=HF),
    Situation("DeBERTa v2", texts("DebertaV2"), RECORD, needs=HF),
    Situation(
        "GPT-2, which classifies its last token",
        hugging(
            "GPT2Config",
            "GPT2ForSequenceClassification",
            vocab_size=40,
            n_embd=16,
            n_layer=1,
            n_head=2,
            n_positions=16,
            num_labels=3,
            pad_token_id=0,
        ),
        RECORD,
        needs=HF,
    ),
    Situation("Llama", texts("Llama", pad_token_id=0, num_key_value_heads=2), RECORD, needs=HF),
    Situation(
        "XLNet",
        hugging(
            "XLNetConfig",
            "XLNetForSequenceClassification",
            vocab_size=40,
            d_model=16,
            n_layer=1,
            n_head=2,
            d_inner=32,
            num_labels=3,
        ),
        RECORD,
        needs=HF,
    ),
    Situation(
        "ViT",
        hugging("ViTConfig", "ViTForImageClassification", pictures(16), **PICTURES_HF),
        RECORD,
        needs=HF,
    ),
    Situation(
        "DeiT",
        hugging("DeiTConfig", "DeiTForImageClassification", pictures(16), **PICTURES_HF),
        RECORD,
        needs=HF,
    ),
    Situation(
        "Swin",
        hugging(
            "SwinConfig",
            "SwinForImageClassification",
            pictures(32),
            image_size=32,
            patch_size=4,
            embed_dim=8,
            depths=[1, 1],
            num_heads=[2, 2],
            window_size=4,
            num_labels=3,
        ),
        RECORD,
        needs=HF,
    ),
    Situation(
        "ResNet",
        hugging(
            "ResNetConfig",
            "ResNetForImageClassification",
            pictures(32),
            embedding_size=8,
            hidden_sizes=[8, 16],
            depths=[1, 1],
            num_labels=3,
        ),
        RECORD,
        needs=HF,
    ),
    Situation(
        "ConvNeXt",
        hugging(
            "ConvNextConfig",
            "ConvNextForImageClassification",
            pictures(32),
            hidden_sizes=[8, 16],
            depths=[1, 1],
            num_stages=2,
            num_labels=3,
        ),
        RECORD,
        needs=HF,
    ),
    Situation(
        "MobileNet v2",
        hugging(
            "MobileNetV2Config",
            "MobileNetV2ForImageClassification",
            pictures(32),
            depth_multiplier=0.25,
            num_labels=3,
        ),
        RECORD,
        needs=HF,
    ),
    Situation(
        "an audio spectrogram transformer",
        hugging(
            "ASTConfig",
            "ASTForAudioClassification",
            lambda: drawn((24, 16)),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            patch_size=8,
            max_length=24,
            num_mel_bins=16,
            frequency_stride=8,
            time_stride=8,
            num_labels=3,
        ),
        RECORD.replace("classes=names", "classes=names, images=False"),
        needs=HF,
    ),
    Situation(
        "wav2vec 2",
        hugging(
            "Wav2Vec2Config",
            "Wav2Vec2ForSequenceClassification",
            lambda: drawn((400,)),
            **SMALL,
            conv_dim=[8, 8],
            conv_stride=[5, 2],
            conv_kernel=[10, 3],
            num_feat_extract_layers=2,
            feat_extract_norm="layer",
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
            classifier_proj_size=8,
        ),
        RECORD,
        needs=HF,
    ),
    Situation(
        "datasets of Hugging Face and its Trainer",
        hugging_sets,
        TRAINED,
        needs=("transformers", "datasets", "accelerate"),
    ),
    Situation(
        "checkpoint folders of that Trainer",
        hugging_sets,
        SAVED,
        needs=("transformers", "datasets", "accelerate"),
    ),
    Situation(
        "integrated gradients of ViT",
        hugging("ViTConfig", "ViTForImageClassification", pictures(16), **PICTURES_HF),
        ROLLOUT.format("integrated_gradients"),
        needs=HF,
    ),
    Situation(
        "Grad-CAM on the tokens of ViT",
        hugging("ViTConfig", "ViTForImageClassification", pictures(16), **PICTURES_HF),
        ROLLOUT.format("grad_cam"),
        says="Name a layer of their tokens, such as layer='vit.layers.0.layernorm_before'",
        cure=ROLLOUT.replace(")", ", layer='vit.layers.0.layernorm_before')").format("grad_cam"),
        needs=HF,
    ),
    # Lightning
    Situation("a LightningModule and its Trainer", module(), CALLBACK, needs=LIGHTNING),
    Situation("a metric named train_accuracy", module(metric="train_accuracy"), CALLBACK, needs=LIGHTNING),
    Situation(
        "weights that are NaN for an epoch",
        module(breaks=1),
        CALLBACK,
        needs=LIGHTNING,
        warns="Training goes on",
    ),
    Situation("a compiled submodule", module(compiled=True), CALLBACK, needs=LIGHTNING),
    Situation(
        "a module without forward",
        module(forward=False),
        CALLBACK,
        says="Pass the part that classifies as model=, such as module.net",
        cure=NETWORK_ALONE,
        needs=LIGHTNING,
    ),
    Situation("checkpoints of Lightning", module(saved=True), LIGHTNING_SAVED, needs=LIGHTNING),
    # Keras, skorch, boosters
    Situation(
        "Keras on its torch backend",
        keras_network,
        RECORD.replace("folder, model", "folder, network"),
        says="Keras.*dvi.ArrayRecorder",
        cure=KERAS_ARRAYS,
        needs=("keras",),
    ),
    Situation("skorch as it learns", skorch_network, SKORCH, needs=("skorch",)),
    Situation("skorch's classifier", skorch_map, MAP, needs=("skorch",)),
    Situation(
        "XGBClassifier",
        boosted("xgboost", "XGBClassifier", n_estimators=6, max_depth=2, n_jobs=1),
        MAP,
        needs=("xgboost",),
    ),
    Situation(
        "LGBMClassifier",
        boosted("lightgbm", "LGBMClassifier", n_estimators=6, n_jobs=1, verbose=-1),
        MAP,
        needs=("lightgbm",),
    ),
    Situation("the rounds of a booster", booster_rounds, ROUNDS, needs=("xgboost",)),
]
