"""A recurrent network that makes decisions, and learns from their rewards."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

# Weights start within this distance of zero, as those of ENAS' controller.
INITIAL_RANGE = 0.1
# Adam's decays of the moments of gradients, and what keeps it from dividing by zero.
DECAYS, EPSILON = (0.9, 0.999), 1e-8

# Logits are bent to stay within this distance of zero, so that no decision is ever
# certain: ENAS has 1.1 to 2.5. Where it was 2.5, a space of eight choices was left with
# draws that had all been tried.
MOST_LOGIT = 1.5

Decision = tuple[int, int]


class Controller:
    """An LSTM whose input is the last option taken, with a softmax for each question.

    In numpy: a decision takes some microseconds, where TensorFlow would be imported for
    seconds first.

    Parameters
    ----------
    sizes : sequence of int
        Number of options of each question.
    n_units : int
        Units of the LSTM, and of the embedding of an option.
    rng : numpy.random.Generator
        Draws the weights.
    """

    def __init__(
        self, sizes: Sequence[int], n_units: int, rng: np.random.Generator
    ) -> None:
        self.n_units = n_units
        self._ends = np.cumsum(sizes)
        self._starts = self._ends - sizes
        n_options = int(sum(sizes))
        shapes = {
            # The first input stands behind those of all options.
            "embeddings": (n_options + 1, n_units),
            "weights": (4 * n_units, 2 * n_units),
            "biases": (4 * n_units,),
            "heads": (n_options, n_units),
            "offsets": (n_options,),
        }
        self.parameters = {
            name: rng.uniform(-INITIAL_RANGE, INITIAL_RANGE, shape)
            for name, shape in shapes.items()
        }
        self.parameters["offsets"][:] = 0.0  # all options are about as likely
        self._moments = {
            name: (np.zeros(shape), np.zeros(shape)) for name, shape in shapes.items()
        }
        self._n_updates = 0

    def options(self, question: int) -> slice:
        """Return where the options of a question are among all."""
        return slice(int(self._starts[question]), int(self._ends[question]))

    def start(self) -> "Episode":
        """Begin a sequence of decisions."""
        return Episode(self)

    def update(
        self,
        decisions: Sequence[Decision],
        advantage: float,
        entropy_weight: float,
        learning_rate: float,
    ) -> None:
        """Make decisions likelier that came to more than was expected, by Adam.

        Parameters
        ----------
        decisions : sequence of tuple of int
            Question and option.
        advantage : float
            By how much the reward exceeds the baseline.
        entropy_weight : float
            Of the bonus for undecided distributions.
        learning_rate : float
            Step length.
        """
        gradients = self.gradients(decisions, advantage, entropy_weight)
        self._n_updates += 1
        for name, gradient in gradients.items():
            first, second = self._moments[name]
            first += (1 - DECAYS[0]) * (gradient - first)
            second += (1 - DECAYS[1]) * (gradient**2 - second)
            mean = first / (1 - DECAYS[0] ** self._n_updates)
            spread = np.sqrt(second / (1 - DECAYS[1] ** self._n_updates))
            self.parameters[name] -= learning_rate * mean / (spread + EPSILON)

    def gradients(
        self, decisions: Sequence[Decision], advantage: float, entropy_weight: float
    ) -> dict[str, np.ndarray]:
        """Return the gradients of the loss that `update` descends.

        It is ``-advantage * log p(decisions) - entropy_weight * entropy``.
        """
        episode = self.start()
        for question, option in decisions:
            episode.chances(question)
            episode.take(option)
        gradients = {name: np.zeros_like(p) for name, p in self.parameters.items()}
        weights, heads = self.parameters["weights"], self.parameters["heads"]
        n_units = self.n_units
        d_hidden, d_cell = np.zeros(n_units), np.zeros(n_units)
        for step in reversed(episode.steps):
            options = self.options(step.question)
            chances = step.chances
            logs = np.log(chances + EPSILON)
            d_logits = advantage * chances
            d_logits[step.option] -= advantage
            d_logits += entropy_weight * chances * (logs - chances @ logs)
            d_logits *= 1 - step.bent**2
            gradients["heads"][options] += np.outer(d_logits, step.hidden)
            gradients["offsets"][options] += d_logits
            d_hidden = d_hidden + heads[options].T @ d_logits
            enter, keep, new, leave = step.gates
            squashed = np.tanh(step.cell)
            d_cell = d_cell + d_hidden * leave * (1 - squashed**2)
            d_gates = np.concatenate(
                [
                    d_cell * new * enter * (1 - enter),
                    d_cell * step.last_cell * keep * (1 - keep),
                    d_cell * enter * (1 - new**2),
                    d_hidden * squashed * leave * (1 - leave),
                ]
            )
            gradients["weights"] += np.outer(d_gates, step.inputs)
            gradients["biases"] += d_gates
            d_inputs = weights.T @ d_gates
            gradients["embeddings"][step.taken_before] += d_inputs[:n_units]
            d_hidden, d_cell = d_inputs[n_units:], d_cell * keep
        return gradients


@dataclass(slots=True)
class Step:
    """What one decision is made of."""

    question: int
    taken_before: int
    inputs: np.ndarray
    gates: tuple[np.ndarray, ...]
    last_cell: np.ndarray
    cell: np.ndarray
    hidden: np.ndarray
    bent: np.ndarray
    chances: np.ndarray
    option: int = -1


class Episode:
    """A sequence of decisions.

    Parameters
    ----------
    controller : Controller
        Makes them.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.steps: list[Step] = []

    def chances(self, question: int) -> np.ndarray:
        """Return how likely each option of the next question is."""
        parameters, n_units = self._controller.parameters, self._controller.n_units
        hidden, cell, taken = np.zeros(n_units), np.zeros(n_units), -1
        if self.steps:
            last = self.steps[-1]
            hidden, cell = last.hidden, last.cell
            taken = self._controller.options(last.question).start + last.option
        inputs = np.concatenate([parameters["embeddings"][taken], hidden])
        enter, keep, new, leave = np.split(
            parameters["weights"] @ inputs + parameters["biases"], 4
        )
        enter, keep, leave = expit(enter), expit(keep), expit(leave)
        new = np.tanh(new)
        after = keep * cell + enter * new
        hidden = leave * np.tanh(after)
        options = self._controller.options(question)
        logits = parameters["heads"][options] @ hidden + parameters["offsets"][options]
        bent = np.tanh(logits / MOST_LOGIT)
        chances = softmax(MOST_LOGIT * bent)
        gates = (enter, keep, new, leave)
        self.steps.append(
            Step(question, taken, inputs, gates, cell, after, hidden, bent, chances)
        )
        return chances

    def take(self, option: int) -> None:
        """Answer the last question."""
        self.steps[-1].option = option
