"""The space of models for tables."""

from collections.abc import Sequence
from typing import Any

from keras import layers

from skautonas.data.facts import TabularFacts
from skautonas.space import tabular_blocks as blocks
from skautonas.space.base import Configuration, SearchSpace
from skautonas.space.chooser import Chooser
from skautonas.space.options import check_names, check_range, check_sizes
from skautonas.space.recipe import RecipeOptions, by_rows
from skautonas.space.tabular_realmlp import realmlp

NETWORKS = {
    "mlp": blocks.mlp,
    "residual": blocks.residual_mlp,
    "packed": blocks.packed_ensemble,
    "realmlp": realmlp,
}
ARCHITECTURES = ("linear", *NETWORKS)
NUMERIC_EMBEDDINGS = {
    "none": blocks.no_embedding,
    "linear": blocks.linear_embedding,
    "periodic": blocks.periodic_embedding,
    "piecewise": blocks.piecewise_embedding,
}
SCALINGS = ("robust", "quantile")
# Batch size by training rows: TabM's rule (Gorishniy et al. 2024), bounded by 256.
BATCH_BY_ROWS = ((2_800, 32), (4_500, 64), (6_400, 128))
LARGEST_BATCH = 256
# Epochs by training rows: about as many steps for small as for large tables.
EPOCHS_BY_ROWS = ((1_000, 256), (4_000, 128), (16_000, 64))
FEWEST_EPOCHS = 32
# Up to so many training rows a linear model is tried first, and so wins where others
# are not clearly better (docs/design/0005).
LINEAR_FIRST_ROWS = 1000
# Coefficients that start at zero have a longer way to go than the weights of a network.
LINEAR_START: Configuration = {
    "model": "linear",
    "recipe/adamw/learning_rate": 1.6e-2,
}
# Few rows that tell classes have many epochs to get there, and coefficients that shrink
# as ridge's do say more of other rows (docs/design/0005).
LINEAR_START_OF_FEW: Configuration = {
    "model": "linear",
    "recipe/adamw/learning_rate": 4e-3,
    "recipe/adamw/weight_decay": 0.1,
}


class TabularSpace(SearchSpace):
    """Linear models, multilayer perceptrons of several kinds, packed ensembles.

    Parameters
    ----------
    architectures : sequence of str, default=all
        What to build, of "linear", "mlp", "residual", "packed", "realmlp". ``packed``
        is TabM-mini (Gorishniy et al. 2024): members that share all layers but their
        input's scales and their heads. ``realmlp`` is a perceptron after RealMLP-TD-S
        (Holzmüller et al. 2024).
    numeric_embeddings : sequence of str, default=all
        How a number enters, of "none", "linear", "periodic", "piecewise": the latter
        two after Gorishniy et al. 2022.
    scalings : sequence of str, default=("robust", "quantile")
        How numbers are scaled.
    units : sequence of int, default=(64, 128, 256)
        Widths of hidden layers.
    layers : tuple of (int, int), default=(1, 4)
        Fewest and most hidden layers or blocks.
    embedding_widths : sequence of int, default=(2, 4, 8, 16)
        Widths of a category's embedding.
    text_widths : sequence of int, default=(8, 16, 32)
        Widths of the embedding that columns of free text share.
    members : sequence of int, default=(4, 8, 16)
        Members of a packed ensemble.

    Raises
    ------
    ValueError
        Where an option is empty, unknown or out of range.
    """

    facts: TabularFacts

    def __init__(
        self,
        *,
        architectures: Sequence[str] = ARCHITECTURES,
        numeric_embeddings: Sequence[str] = tuple(NUMERIC_EMBEDDINGS),
        scalings: Sequence[str] = SCALINGS,
        units: Sequence[int] = (64, 128, 256),
        layers: tuple[int, int] = (1, 4),
        embedding_widths: Sequence[int] = (2, 4, 8, 16),
        text_widths: Sequence[int] = (8, 16, 32),
        members: Sequence[int] = (4, 8, 16),
    ) -> None:
        super().__init__()
        self.architectures = check_names("architectures", architectures, ARCHITECTURES)
        self.numeric_embeddings = check_names(
            "numeric_embeddings", numeric_embeddings, NUMERIC_EMBEDDINGS
        )
        self.scalings = check_names("scalings", scalings, SCALINGS)
        self.units = check_sizes("units", units)
        self.layers = check_range("layers", layers, 1)
        self.embedding_widths = check_sizes("embedding_widths", embedding_widths)
        self.text_widths = check_sizes("text_widths", text_widths)
        self.members = check_sizes("members", members)

    def body(self, choose: Chooser, inputs: Any) -> Any:
        """Describe the model: a linear one, or features and a network on them."""
        families = {"linear": blocks.linear_model, "network": _network}
        if "linear" not in self.architectures:
            del families["linear"]
        if self.architectures == ("linear",):
            del families["network"]
        build = choose.one("model", families, "network")
        return build(choose, inputs or {}, self)

    def recipe_options(self) -> RecipeOptions:
        """Return the recipe for the number of rows."""
        n_rows = self.facts.n_rows
        batch = by_rows(BATCH_BY_ROWS, n_rows, LARGEST_BATCH)
        epochs = by_rows(EPOCHS_BY_ROWS, n_rows, FEWEST_EPOCHS)
        return RecipeOptions(
            optimizer="adamw",
            learning_rate=2e-3,
            sgd_learning_rate=5e-2,
            schedule="cosine",
            weight_decay=1e-2,
            batch_sizes=(max(16, batch // 2), batch, batch * 2),
            batch_size=batch,
            label_smoothing=0.0,
            epochs=(epochs // 2, epochs, epochs * 2),
            default_epochs=epochs,
            patience=32,
        )

    def known_starts(self) -> list[Configuration]:
        """Return a linear model, MLPs, a packed ensemble and a residual MLP."""
        starts: list[Configuration] = [
            {"architecture": "mlp"},
            {
                "architecture": "mlp",
                "mlp/layer1/units": 256,
                "mlp/layer2/units": 256,
                "mlp/dropout": 0.2,
            },
            {"architecture": "packed", "packed/members": 4},
            {"architecture": "residual"},
        ]
        few = self.facts.n_rows <= LINEAR_FIRST_ROWS
        classifies = self.facts.task != "regression"
        linear = LINEAR_START_OF_FEW if few and classifies else LINEAR_START
        starts.insert(0 if few else 2, linear)
        offered = [
            start
            for start in starts
            if start.get("architecture", "linear") in self.architectures
        ]
        return offered or [{"architecture": self.architectures[0]}]


def _network(choose: Chooser, inputs: dict[str, Any], space: TabularSpace) -> Any:
    """Build features of the inputs, and a network on them."""
    x = _features(choose, inputs, space)
    options = {name: NETWORKS[name] for name in space.architectures if name in NETWORKS}
    build = choose.one("architecture", options, "mlp")
    return build(choose, x, space)


def _features(choose: Chooser, inputs: dict[str, Any], space: TabularSpace) -> Any:
    """Describe what a network sees of the inputs, side by side."""
    facts, parts = space.facts, []
    if facts.n_numeric:
        scaling = choose.value("numeric/scaling", space.scalings, "quantile")
        numbers = inputs.get("numeric" if scaling == "robust" else "quantile")
        options = {name: NUMERIC_EMBEDDINGS[name] for name in space.numeric_embeddings}
        embed = choose.one("numeric/embedding", options, "piecewise")
        parts.append(embed(choose, numbers, facts.n_numeric))
    if facts.n_missing:
        parts.append(inputs.get("missing"))
    if facts.cardinalities:
        width = choose.value("categorical/width", space.embedding_widths, 8)
        embedded = blocks.embed_categories(
            choose, inputs.get("categorical"), facts.cardinalities, width
        )
        parts.append(embedded)
    if facts.n_ngrams:
        width = choose.value("text/width", space.text_widths, 16)
        ids, weights = inputs.get("ngrams"), inputs.get("ngrams_weights")
        n_ngrams = facts.n_ngrams
        parts.append(blocks.embed_texts(choose, ids, weights, n_ngrams, width))
    x = parts[0]
    if len(parts) > 1:
        x = choose.layer(layers.Concatenate, parts)
    rate = choose.value("features/dropout", (0.0, 0.1, 0.2), 0.0)
    return choose.layer(layers.Dropout, x, rate=rate)
