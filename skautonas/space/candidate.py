"""From a configuration to a compiled model: our spaces, and the user's own."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import keras_tuner

from skautonas._files import temporary_folder
from skautonas.space.base import SearchSpace, declared
from skautonas.space.recipe import Recipe

# What a user's own model does not say: KerasTuner's contract leaves it to `fit`.
# Keras' default batch size; epochs and patience as in AutoKeras 3.0.
USER_BATCH_SIZE = 32
USER_EPOCHS = 100
USER_PATIENCE = 10
# Random values that are tried where the defaults of the hyperparameters do not build.
RANDOM_BUILDS = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """A compiled model, the one that predicts with its weights, and the recipe."""

    model: Any
    predictor: Any
    recipe: Recipe


class CandidateSource(Protocol):
    """Declares a space and builds its candidates.

    A ``plain`` source's models take plain arrays, and put out the prediction. Those of
    a ``standard`` one hold nothing but Keras' own layers.
    """

    plain: bool
    standard: bool

    @property
    def starts(self) -> list[dict[str, Any]]:
        """Configurations to try first; what they leave out takes its default."""

    def declare(self) -> keras_tuner.HyperParameters:
        """Return the declared space."""

    def build(self, values: Mapping[str, Any]) -> Candidate:
        """Build and compile the candidate of one configuration."""

    def builds_as(self, other: Any, values: Mapping[str, Any]) -> bool:
        """Tell whether another source of a study builds the same candidate."""

    def initialise(self, model: Any, x: Any, y: Any) -> None:
        """Set those initial weights that depend on the training rows."""

    def arrange(self, arrays: dict[str, Any]) -> Any:
        """Return encoded arrays in the structure that the models take."""


class SpaceSource:
    """Candidates of our spaces: raw outputs, trained by a searched recipe.

    Parameters
    ----------
    space : SearchSpace
        Bound space.
    """

    plain = False

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        # A user's subclass may bring layers whose configuration does not say all.
        self.standard = type(space).__module__.startswith("skautonas.")

    @property
    def starts(self) -> list[dict[str, Any]]:
        """The space's starts."""
        return self.space.starts

    def declare(self) -> keras_tuner.HyperParameters:
        """Return the declared space."""
        return declared(self.space)

    def arrange(self, arrays: dict[str, Any]) -> dict[str, Any]:
        """Return the arrays that the space's inputs name."""
        return {name: arrays[name] for name in self.space.facts.inputs}

    def build(self, values: Mapping[str, Any]) -> Candidate:
        """Build the core and compile it as its recipe says."""
        from skautonas.space.compile import compile_core

        hp = keras_tuner.HyperParameters()
        hp.values = dict(values)
        model = self.space.build(hp)
        recipe = self.space.recipe(values)
        compile_core(model, recipe, self.space.facts)
        return Candidate(model, self.space.predictor(model), recipe)

    def builds_as(self, other: "SpaceSource", values: Mapping[str, Any]) -> bool:
        """Tell whether only the weights of the two could differ."""
        own, others = self.space, other.space
        same = own.facts == others.facts
        return self.standard and same and own.recipe(values) == others.recipe(values)

    def initialise(self, model: Any, x: Any, y: Any) -> None:
        """Set the weights that the space starts from the training rows."""
        self.space.initialise(model, x, y)


class UserSource:
    """Candidates of a user's own ``build(hp)``: compiled, output is the prediction.

    Parameters
    ----------
    build : callable
        ``build(hp)`` returns a compiled `keras.Model`.
    """

    plain = True
    standard = False

    def __init__(self, build: Callable[[keras_tuner.HyperParameters], Any]) -> None:
        self.user_build = build
        self.registered = registered_in_main()

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        register(self.registered)

    @property
    def starts(self) -> list[dict[str, Any]]:
        """The defaults of the user's hyperparameters."""
        return [{}]

    def declare(self) -> keras_tuner.HyperParameters:
        """Find the hyperparameters by building until each scope was active once.

        Values for which a build fails are left to the trials.

        Raises
        ------
        Exception
            What the first build raised, where others fail as well: for example that a
            model is not compiled, or could not be loaded again.
        """
        active: list[Any] = []
        pending: list[Any] = []
        hp = self._build_any(keras_tuner.HyperParameters())
        while True:
            active += [scope for scope in hp.active_scopes if scope not in active]
            pending += [scope for scope in hp.inactive_scopes if scope not in pending]
            pending = [scope for scope in pending if scope not in active]
            if not pending:
                return hp.copy()
            hp = hp.copy()
            conditions = pending.pop(0)
            for condition in conditions:
                hp.values[condition.name] = condition.values[0]
            hp.ensure_active_values()
            hp = self._build_any(hp, frozenset(c.name for c in conditions))

    def arrange(self, arrays: dict[str, Any]) -> Any:
        """Return the only array."""
        (array,) = arrays.values()
        return array

    def build(self, values: Mapping[str, Any]) -> Candidate:
        """Build the user's model."""
        hp = keras_tuner.HyperParameters()
        hp.values = dict(values)
        model = self._build_checked(hp)
        recipe = user_recipe(float(model.optimizer.learning_rate))
        return Candidate(model, model, recipe)

    def builds_as(self, other: Any, values: Mapping[str, Any]) -> bool:
        """Tell that a user's function may do something else at each call."""
        return False

    def initialise(self, model: Any, x: Any, y: Any) -> None:
        """Leave the weights to the user's initializers."""

    def _build_any(
        self, hp: keras_tuner.HyperParameters, fixed: frozenset[str] = frozenset()
    ) -> keras_tuner.HyperParameters:
        """Build with the given values; where that fails, with random ones.

        Returns the hyperparameters of the build that succeeded. Those whose names are
        in ``fixed`` keep their values.
        """
        try:
            self._build_checked(hp)
            return hp
        except Exception:
            for seed in range(RANDOM_BUILDS):
                other = hp.copy()
                for parameter in hp.space:
                    if parameter.name not in fixed:
                        value = parameter.random_sample(seed)
                        other.values[parameter.name] = value
                try:
                    self._build_checked(other)
                except Exception:
                    continue
                return other
            raise

    def _build_checked(self, hp: keras_tuner.HyperParameters) -> Any:
        """Build a model, and refuse one that could not be trained or kept.

        Every configuration is checked: a value may bring in a layer that its
        alternatives do not have.
        """
        model = self.user_build(hp)
        if getattr(model, "optimizer", None) is None:
            raise TypeError(
                f"Expected build(hp) to return a compiled keras.Model; received "
                f"{model!r}. Call model.compile(...) in it."
            )
        check_loads(model)
        return model


def registered_in_main() -> dict[str, Any]:
    """Return what a script or notebook registered with Keras, by registered name.

    A worker does not run the script, and so not the decorators in it either; what is
    registered in an importable module is registered again by the import.
    """
    import keras

    return {
        name: registered
        for name, registered in keras.saving.get_custom_objects().items()
        if registered.__module__ == "__main__" and ">" in name
    }


def register(registered: Mapping[str, Any]) -> None:
    """Register classes and functions with Keras under their registered names."""
    import keras

    for registered_name, item in registered.items():
        package, name = registered_name.split(">")
        keras.saving.register_keras_serializable(package, name)(item)


def check_loads(model: Any) -> None:
    """Refuse a model that could be trained, but not be loaded from its file."""
    from skautonas.data.archive import load_model, save_model, uncompiled

    with temporary_folder() as folder:
        path = folder / "model.keras"
        try:
            with warnings.catch_warnings():
                # Keras warns of models without weights yet, and of lambdas.
                warnings.simplefilter("ignore")
                save_model(uncompiled(model), path)
            load_model(path.read_bytes())
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk is full, or not there
            # The last line: before it, Keras prints the whole configuration.
            reason = str(error).strip().rpartition("\n")[2]
            raise ValueError(
                "Expected build(hp) to return a model that Keras can save, and load "
                f"with safe_mode=True; received {model!r}, which it cannot. Replace "
                "Lambda layers by keras.ops or layers of Keras, and define your own "
                "layers in an importable module, with "
                "@keras.saving.register_keras_serializable(). Keras says: "
                f"{type(error).__name__}: {reason}"
            ) from error


def user_recipe(learning_rate: float) -> Recipe:
    """Return the recipe for a model that brings its own optimizer and loss."""
    return Recipe(
        optimizer="user",
        learning_rate=learning_rate,
        schedule="constant",
        weight_decay=0.0,
        batch_size=USER_BATCH_SIZE,
        label_smoothing=0.0,
        epochs=USER_EPOCHS,
        patience=USER_PATIENCE,
        restore_best_epoch=True,
    )
