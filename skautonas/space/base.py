"""The contract of a search space."""

import copy
import inspect
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras_tuner
from keras_tuner.engine.hyperparameters import Choice, Float, Int

from skautonas.data.facts import Facts
from skautonas.space.chooser import Chooser, Declare, Pick, nearest
from skautonas.space.recipe import Recipe, RecipeOptions, choose_recipe

Configuration = dict[str, Any]


class SearchSpace(keras_tuner.HyperModel):
    """A space of architectures and training recipes, described against a chooser.

    A subclass describes the architecture once, in `body`; declaring and building
    are two readings of that description.
    """

    facts: Facts
    user_starts: tuple[Configuration, ...] = ()

    def __init__(self) -> None:
        # HyperModel's own __init__ (KerasTuner 1.4.8) wraps `build` in an attribute
        # that is bound to this instance, so that a copy would build the original.
        self.name = type(self).__name__
        self.tunable = True

    def __repr__(self) -> str:
        """Show the options that differ from their defaults, as scikit-learn does."""
        options = inspect.signature(type(self)).parameters
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, option in options.items()
            if getattr(self, name, option.default) != option.default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def bind(self, facts: Facts) -> Self:
        """Return a copy of this space for data with these facts.

        Parameters
        ----------
        facts : Facts
            Of the space's modality, as its encoder returns them.

        Returns
        -------
        SearchSpace
            Bound; this one stays as it is.
        """
        bound = copy.copy(self)
        bound.facts = facts
        return bound

    def with_starts(self, starts: Sequence[Mapping[str, Any]]) -> Self:
        """Return a copy that tries ``starts`` before its own starts.

        Parameters
        ----------
        starts : sequence of mappings of str to value
            Configurations by hyperparameter name; what a start leaves out takes
            its default.

        Returns
        -------
        SearchSpace
            The copy; this one stays as it is.
        """
        more = copy.copy(self)
        more.user_starts = (*map(dict, starts), *self.user_starts)
        return more

    @property
    def starts(self) -> list[Configuration]:
        """Known-good configurations, tried first; the best known one leads."""
        return [*self.user_starts, *offered(self.known_starts(), declared(self))]

    def declare(self, hp: keras_tuner.HyperParameters) -> None:
        """Declare the whole conditional space, and build nothing.

        Parameters
        ----------
        hp : keras_tuner.HyperParameters
            Receives the hyperparameters.
        """
        self._read(Declare(hp))

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        """Build the core model of one configuration: encoded arrays in, raw out.

        Parameters
        ----------
        hp : keras_tuner.HyperParameters
            Its ``values`` hold the active hyperparameters.

        Returns
        -------
        keras.Model
            Not compiled. Raw outputs are logits of shape (n, classes), or standardised
            targets of shape (n, columns); a packed ensemble puts its members on axis 1.
        """
        return self.core(Pick(hp.values))

    def predictor(self, core: Any) -> Any:
        """Return the model that predicts with a core that is trained.

        Parameters
        ----------
        core : keras.Model
            Core of this space.

        Returns
        -------
        keras.Model
            With the inputs and outputs of the core, and its variables; often itself.
        """
        return core

    def initialise(self, model: Any, x: Any, y: Any) -> None:
        """Set those weights of a built core that start from the training rows.

        Parameters
        ----------
        model : keras.Model
            Core of this space.
        x : dict of str to ndarray
            Encoded training rows.
        y : ndarray
            Encoded targets.
        """

    def recipe(self, values: Mapping[str, Any]) -> Recipe:
        """Return the training recipe of one configuration.

        Parameters
        ----------
        values : mapping of str to value
            Active hyperparameters by name.

        Returns
        -------
        Recipe
            With values for all that training needs.
        """
        return choose_recipe(Pick(values), self.recipe_options(), self.facts)

    def _read(self, choose: Chooser) -> None:
        self.body(choose, None)
        choose_recipe(choose, self.recipe_options(), self.facts)

    def core(self, choose: Pick) -> Any:
        """Build the model that ``choose`` describes.

        Parameters
        ----------
        choose : Pick
            Reads one configuration.

        Returns
        -------
        keras.Model
            As `build` returns it.
        """
        import keras

        inputs = {
            name: keras.Input(spec.shape, dtype=spec.dtype, name=name)
            for name, spec in self.facts.inputs.items()
        }
        return keras.Model(inputs, self.body(choose, inputs), name="core")

    @abstractmethod
    def body(self, choose: Chooser, inputs: Any) -> Any:
        """Describe the architecture, from the dict of inputs to the raw output.

        Parameters
        ----------
        choose : Chooser
            Declares the space, or reads one configuration of it.
        inputs : dict of str to KerasTensor, or None
            Encoded inputs by name; None while the space is declared.

        Returns
        -------
        KerasTensor or None
            The raw output; None while the space is declared.
        """

    @abstractmethod
    def recipe_options(self) -> RecipeOptions:
        """Return defaults and offered values of the recipe for the bound data.

        Returns
        -------
        RecipeOptions
            Of the modality.
        """

    @abstractmethod
    def known_starts(self) -> list[Configuration]:
        """Return the space's own starts for the bound data, strongest first.

        Returns
        -------
        list of dict
            Configurations by hyperparameter name. They may name what a changed space
            does not offer: its nearest values stand in.
        """


def declared(space: SearchSpace) -> keras_tuner.HyperParameters:
    """Return the hyperparameters that a bound space declares."""
    hp = keras_tuner.HyperParameters()
    space.declare(hp)
    return hp


def offered(
    starts: Sequence[Configuration], hp: keras_tuner.HyperParameters
) -> list[Configuration]:
    """Return the starts in terms of what is declared, without duplicates."""
    parameters = {parameter.name: parameter for parameter in hp.space}
    fitted: list[Configuration] = []
    for start in starts:
        values = {
            name: _nearest_offered(parameters[name], value)
            for name, value in start.items()
            if name in parameters
        }
        if values not in fitted:
            fitted.append(values)
    return fitted


def _nearest_offered(parameter: Any, value: Any) -> Any:
    if isinstance(parameter, Choice):
        return nearest(parameter.values, value)
    return value


def complete(
    hp: keras_tuner.HyperParameters, partial: Mapping[str, Any]
) -> Configuration:
    """Fill a partial configuration with defaults, and drop what is inactive.

    Raises
    ------
    ValueError
        Where ``partial`` names an unknown hyperparameter, or a value that is not
        offered.
    """
    unknown = set(partial) - {parameter.name for parameter in hp.space}
    if unknown:
        raise ValueError(
            f"Expected hyperparameters of the space; received {sorted(unknown)}. "
            f"Known names: {sorted({parameter.name for parameter in hp.space})}."
        )
    values: Configuration = {}
    reading = hp.copy()
    reading.values = values
    for parameter in hp.space:
        if reading.is_active(parameter):
            value = partial.get(parameter.name, parameter.default)
            _check_value(parameter, value)
            values[parameter.name] = value
    return values


def _check_value(parameter: Any, value: Any) -> None:
    if isinstance(parameter, Choice):
        if value not in parameter.values:
            raise ValueError(
                f"Expected {parameter.name} to be one of {parameter.values}; received "
                f"{value!r}. Correct the start, or offer the value in the space."
            )
    elif isinstance(parameter, Int | Float):
        low, high = parameter.min_value, parameter.max_value
        if not low <= value <= high:
            raise ValueError(
                f"Expected {parameter.name} between {low} and {high}; received "
                f"{value!r}. Correct the start."
            )
