"""The features of the product, what shows each of them, and the table of both: `python tests/features.py`."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "features.md"
KINDS = {
    "A": "DeepVisualInsight: the landscape of a training run",
    "B": "DeepView: a classifier's decision function as a map",
    "C": "DeepVID: one prediction explained",
    "D": "iNNvestigate-GUI: several models compared",
    "E": "Visual explanations of convolutional networks",
    "F": "What goes beyond these",
}


@dataclass(frozen=True)
class Feature:
    """One feature: its title, notebooks that show it, and where a person finds it."""

    title: str
    notebooks: tuple[str, ...] = ()
    way: str = ""


def _of(title: str, way: str, *notebooks: str) -> Feature:
    return Feature(title, notebooks, way)


FEATURES = {
    "A1": _of("Record a classifier while it trains", "`Recorder.capture(epoch)`", "quickstart"),
    "A2": _of("Samples on the δ-boundary", "`run.boundary(epoch)`; Show on the landscape → Boundary samples"),
    "A3": _of("Boundary-augmented complex and its loss", '`DVI(method="paper")`, `PaperDVI()`'),
    "A4": _of("Autoencoder with weighted reconstruction", "`PaperDVI().inverse_transform`"),
    "A5": _of("Temporal continuity", "`PaperDVI(temporal_weight=…)`"),
    "A6": _of("Weighted total loss, all weights parameters", "`PaperDVI(…)`"),
    "A7": _of("Painted landscape with borders", "the canvas; `frame.canvas`", "quickstart"),
    "A8": _of("New samples placed, places decoded", "`DVI.transform(inputs=…)`; Map → Places"),
    "A9": _of("The four properties as measures", "`landscape.measures()`; Map → Quality", "quickstart"),
    "A10": _of("Baselines on the same run", '`dvi.baselines`, `DVI("dvi-t")`'),
    "A11": _of(
        "Playback and scrubbing", '▶ and the slider; `landscape.figure()`, `landscape.save("run.gif")`'
    ),
    "A12": _of("Samples and epochs found", "the find field; the flag beside the slider"),
    "A13": _of(
        "A sample and its neighbours followed",
        "Selection → One sample, Follow with its neighbours",
        "adversarial_training",
    ),
    "A14": _of("Zoom, and what a sample is", "scroll, hover; the card of a sample"),
    "A15": _of("Case: noisy labels", "", "noisy_labels"),
    "A16": _of("Case: active learning", "", "active_learning"),
    "A17": _of("Case: adversarial training", "", "adversarial_training"),
    "A18": _of("Two dimensions or three", "`DVI(dimension=3)`; Map → 3-D"),
    "B1": _of("Any `predict_proba`", "`DeepView(classifier)`", "deepview_tables_and_texts"),
    "B2": _of("Metric of prediction and input", "`DeepView(lam=…, n_steps=…)`"),
    "B3": _of("Fisher-UMAP from proven neighbours", "`DeepView.fit`, `certified_`", "deepview_adversarial"),
    "B4": _of("Inverse map of radial basis functions", "`DeepView.inverse_transform`"),
    "B5": _of("Decoded grid: class and entropy", "the canvas of a DeepView landscape", "deepview_backdoor"),
    "B6": _of("λ and a chosen by quality", '`DeepView(lam="auto")`', "deepview_backdoor"),
    "B7": _of("Q_kNN, Q_data, Q_¬data", "`DeepView.measures()`", "deepview_adversarial"),
    "B8": _of("Samples added to a map", "`DeepView.add`, `DVI.add`", "deepview_adversarial"),
    "B9": _of("Disagreement marks", "a cross on a point; the filter `wrong`"),
    "B10": _of("Markers decoded anywhere", "the marker tool; Map → Places"),
    "B11": _of("Case: adversarial picture", "", "deepview_adversarial"),
    "B12": _of("Case: backdoor found, trigger read", "", "deepview_backdoor"),
    "B13": _of("Tables and texts", "`Explorer(render=…)`", "deepview_tables_and_texts"),
    "C1": _of("Scatter of the test set, lasso", "the lasso on the map"),
    "C2": _of("Confusion matrix that selects", "Errors → Confusion"),
    "C3": _of("Pictures of the selection", "Selection → Samples"),
    "C4": _of("Probability bars", "Selection → One sample"),
    "C5": _of("VAE and convolutional DFC-VAE", "`dvi.VAE`", "deepvid"),
    "C6": _of("Latent vector dragged", "Model → Why"),
    "C7": _of("Neighbours in a band", "`dvi.Neighbors(vae, band=…)`; brush an axis", "deepvid"),
    "C8": _of("Neighbours in latent order", "Model → Why"),
    "C9": _of("Morph between two pictures", "`Neighbors.morph`; Model → Why", "deepvid"),
    "C10": _of("Linear student and its settings", "`dvi.LinearStudent(…)`; Settings", "deepvid"),
    "C11": _of("Weights and weighted features", "`student.weights()`; Model → Why"),
    "C12": _of("Fidelity and a verdict", "`student.fidelity(image)`", "deepvid"),
    "C13": _of("Probabilities over the neighbours", "`student.along()`"),
    "C14": _of("Removal curves", "`dvi.measures.removal_curve`", "deepvid"),
    "C15": _of("Search for settings", "`dvi.deepvid.search`", "deepvid"),
    "C16": _of("Any classifier as teacher", "`LinearStudent().fit(neighbors, classifier)`"),
    "C17": _of("Real pictures as neighbours", "`dvi.Neighbors(vae, pictures=…)`"),
    "C18": _of("Two teachers compared", "two models in `Explorer(models={…})`"),
    "C19": _of("Progress and course of training", "Model → Why"),
    "D1": _of("Dataset and models in, no code", "`Explorer(images=x, models={…})`", "models_compared"),
    "D2": _of("Attribution methods", "`dvi.attribute(method=…)`; Model → Heatmaps", "saliency_guided"),
    "D3": _of("Layer and neuron chosen", "`dvi.activations`; Model → Layers"),
    "D4": _of("Models side by side", "Model → Heatmaps", "models_compared"),
    "D5": _of("Suggestions of several models", "Model → Compare", "models_compared"),
    "D6": _of("Suggestions of one model", "Model → Compare, histograms"),
    "D7": _of("Work shown as it arrives", "progress in every panel"),
    "E1": _of("Filters as tiles", "`dvi.filters`; Model → Layers", "models_compared"),
    "E2": _of("Activation maps", "`dvi.activations`; Model → Layers"),
    "E3": _of("Patches that excite a channel most", "`dvi.top_patches`; Model → Layers"),
    "E4": _of("DeconvNet reconstruction", "`dvi.saliency.reconstruct`; Model → Layers"),
    "E5": _of("Nearest training samples", "Selection → Similar"),
    "E6": _of("Embedding of the last layer", "the landscape", "quickstart"),
    "E7": _of("Occlusion by the mean value", '`attribute(method="occlusion")`', "saliency_bias"),
    "E8": _of("Vanilla, deconvolution, guided", "Model → Heatmaps", "saliency_guided"),
    "E9": _of("Guided backpropagation forgets the class", "", "saliency_guided"),
    "E10": _of("A biased classifier exposed", "", "saliency_bias"),
    "F1": _of("One selection links everything", "`dvi.Explorer(…)`", "linking"),
    "F2": _of(
        "How far to trust the picture", "`landscape.trust`; Show on the landscape; colour by lost neighbours"
    ),
    "F3": _of(
        "Training dynamics and lists",
        '`explorer.suggestions("forgotten")`; Errors → To review',
        "noisy_labels",
    ),
    "F4": _of("One HTML file", '`explorer.to_html("page.html")`', "quickstart"),
    "F5": _of("Stopped and resumed", "`fit` again; `capture` again"),
    "F6": _of("A million points, hundreds of epochs", "`make pictures`, benchmarks/explorer.py"),
    "F7": _of("Two runs on one slider", "`dvi.Explorer(one, other)`"),
    "F8": _of("Keyboard, colours, themes, screen readers", "`?` on the page"),
    "F9": _of("Watched live", "`dvi.watch(recorder)`"),
    "F10": _of("Measures beside a placebo", "`landscape.measures()`; Map → Quality"),
    "F11": _of("Anyone's model", "docs/compatibility.md"),
    "F12": _of("Any column in colour, size and charts", "`explorer.color_by`; Overview → Charts"),
    "F13": _of(
        "Instead of what, what would change it, since when", "`attribute(against=…)`, `dvi.attack`; Changes"
    ),
    "F14": _of("A stranger's run is safe", "`run.verify()`, docs/safety.md"),
    "F15": _of("Several processes", "DDP: `Recorder` in every process"),
    "F16": _of("Documentation and lessons", "README.md, docs/"),
}

# What is not whole yet, and what is missing. A feature stands here until nothing of it is missing.
PARTLY = {
    "A10": "the comparison of methods quotes three draws, not ten with their spread",
    "C5": "the convolutional autoencoder of colour pictures keeps too few predictions to explain with",
    "C14": "DeepVID is no method of `attribute`",
    "D2": "no pattern attribution, no prediction difference",
    "D3": "attributions explain classes, not a layer's unit",
    "E8": "not side by side in one view",
    "F15": "one machine at a time",
    "F16": "lessons bring no prepared runs, and the gallery has four explorers of eight",
}


def marked() -> dict[str, list[str]]:
    """Return, per feature, the tests with its marker, as FILE::FUNCTION; nothing is imported."""
    tests: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.feature":
                    for argument in mark.args:
                        name = f"{path.relative_to(ROOT / 'tests')}::{node.name}"
                        tests.setdefault(ast.literal_eval(argument), []).append(name)
    return tests


def asserts(notebook: str) -> bool:
    """Return whether a notebook would fail if what it shows were no longer so: whether its code asserts."""
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return any(line.startswith("assert ") for source in code for line in source.splitlines())


def table() -> str:
    """Write the table of features, in Markdown."""
    tests = marked()
    lines = [
        "# Features, and the tests that show them",
        "",
        "Written by `python tests/features.py` from the markers on tests. What is not whole comes last.",
    ]
    for kind, title in KINDS.items():
        lines += [
            "",
            f"## {kind}. {title}",
            "",
            "| ID | feature | where | tests |",
            "| --- | --- | --- | --- |",
        ]
        for key, feature in FEATURES.items():
            if key.rstrip("0123456789") != kind:
                continue
            notebooks = [f"notebook `{name}`" for name in feature.notebooks]
            where = "; ".join([*([feature.way] if feature.way else []), *notebooks])
            shown = "<br>".join(f"`{test}`" for test in tests.get(key, ()))
            lines.append(f"| {key} | {feature.title} | {where} | {shown} |")
    lines += ["", "## Partly done", "", "| ID | what is missing |", "| --- | --- |"]
    lines += [f"| {key} | {why} |" for key, why in PARTLY.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
