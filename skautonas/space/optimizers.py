"""Adam and SGD that update a variable by one operation of TensorFlow.

Keras 3.15 composes an update of some twenty operations. Traced for each variable they
took half of the time that it takes to trace a training step.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

# Variables, and layers of one variable, that are never decayed: offsets and the
# parameters of normalisation layers.
UNDECAYED = {"bias", "gamma", "beta"}
# A mean of the first t steps keeps t / (9 + t) of itself, if that is less: the rule of
# TensorFlow's ExponentialMovingAverage, which has counted one step by then.
STEPS_AHEAD = 9


class FusedOptimizer(keras.optimizers.Optimizer):
    """Clips gradients by their global norm, decays kernels, then updates.

    Parameters
    ----------
    learning_rate : float
        Factor of each update.
    weight_decay : float
        Decoupled [1]_: before an update a kernel shrinks by this share times the
        learning rate.
    global_clipnorm : float
        Largest norm of all gradients together; as in Keras, those of a row of an
        embedding count once for each use of it.
    averaging : float, default=0.0
        Share that a mean of the variables keeps of itself at a step [2]_; 0 for none.

    Attributes
    ----------
    averages : list of keras.Variable
        That mean of each variable, if there is one.

    References
    ----------
    .. [1] Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization.
    .. [2] Polyak and Juditsky (1992), Acceleration of Stochastic Approximation by
       Averaging.
    """

    def __init__(
        self,
        learning_rate: float,
        *,
        weight_decay: float,
        global_clipnorm: float,
        averaging: float = 0.0,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay=weight_decay, global_clipnorm=global_clipnorm
        )
        self.averaging = averaging
        self.averages: list[Any] = []

    def build(self, variables: list[Any]) -> None:
        """Make the means of the variables."""
        super().build(variables)
        if self.averaging:
            self.averages = self.add_optimizer_variables(variables, "average")

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Any]) -> None:
        """Update the variables that the optimizer was built on, in their order.

        A variable without a gradient, as it had no part in the loss, stays.
        """
        clipped, _ = tf.clip_by_global_norm(list(grads), self.global_clipnorm)
        rate = tf.convert_to_tensor(self.learning_rate)
        updates = [
            (index, variable, tf.convert_to_tensor(gradient))
            for index, (variable, gradient) in enumerate(
                zip(trainable_variables, clipped, strict=True)
            )
            if gradient is not None
        ]
        decay = self.weight_decay * rate
        for _, variable, _ in updates:
            if self.weight_decay and not UNDECAYED & set(variable.path.split("/")[-2:]):
                variable.assign_sub(variable * decay)
        self.update(updates, rate)
        if self.averages:
            self._average(trainable_variables)
        self.iterations.assign_add(1)

    def _average(self, variables: Iterable[Any]) -> None:
        """Move the means to the variables at the first step, and then towards them."""
        step = tf.cast(self.iterations, tf.float32)
        moved = 1 - tf.minimum(self.averaging, step / (STEPS_AHEAD + step))
        for average, variable in zip(self.averages, variables, strict=True):
            average.assign_add((variable - average) * moved)

    @abstractmethod
    def update(self, updates: list[tuple[int, Any, Any]], rate: Any) -> None:
        """Update variables; given are the number of each, itself and its gradient."""


class FusedAdam(FusedOptimizer):
    """Adam [1]_, by the formula of `keras.optimizers.Adam`.

    Parameters
    ----------
    learning_rate : float
        Factor of each update.
    beta_2 : float
        Decay of the second moment; that of the first is 0.9.
    **options
        As in `FusedOptimizer`.

    References
    ----------
    .. [1] Kingma and Ba (2015), Adam: A Method for Stochastic Optimization.
    """

    def __init__(self, learning_rate: float, *, beta_2: float, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        # The defaults of Keras, but for beta_2.
        self.beta_1, self.beta_2, self.epsilon = 0.9, beta_2, 1e-7

    def build(self, variables: list[Any]) -> None:
        """Make both moments of every variable."""
        super().build(variables)
        self.momentums, self.velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )

    def update(self, updates: list[tuple[int, Any, Any]], rate: Any) -> None:
        """Update the variables and their moments."""
        step = tf.cast(self.iterations + 1, tf.float32)
        # Made once: of Python's numbers each operation would make its own.
        beta1, beta2 = tf.constant(self.beta_1), tf.constant(self.beta_2)
        epsilon = tf.constant(self.epsilon)
        beta1_power, beta2_power = tf.pow(beta1, step), tf.pow(beta2, step)
        for index, variable, gradient in updates:
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=self.momentums[index].value.handle,
                v=self.velocities[index].value.handle,
                beta1_power=beta1_power,
                beta2_power=beta2_power,
                lr=rate,
                beta1=beta1,
                beta2=beta2,
                epsilon=epsilon,
                grad=gradient,
            )


class FusedSGD(FusedOptimizer):
    """SGD with Nesterov momentum, by the formula of `keras.optimizers.SGD`.

    Parameters
    ----------
    learning_rate : float
        Factor of each update.
    momentum : float
        Share of the last step that is taken again.
    **options
        As in `FusedOptimizer`.
    """

    def __init__(
        self, learning_rate: float, *, momentum: float, **options: Any
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = momentum

    def build(self, variables: list[Any]) -> None:
        """Make the momentum of every variable."""
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum")

    def update(self, updates: list[tuple[int, Any, Any]], rate: Any) -> None:
        """Update the variables and their momentum."""
        momentum = tf.constant(self.momentum)
        for index, variable, gradient in updates:
            tf.raw_ops.ResourceApplyKerasMomentum(
                var=variable.value.handle,
                accum=self.momentums[index].value.handle,
                lr=rate,
                grad=gradient,
                momentum=momentum,
                use_nesterov=True,
            )
