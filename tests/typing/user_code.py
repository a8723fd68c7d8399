"""Typical code of a user; mypy checks it, nobody runs it."""

from pathlib import Path

import numpy as np

from skautonas import (
    ImageSearchClassifier,
    TabularSearchClassifier,
    TabularSearchRegressor,
    TextSearchClassifier,
)
from skautonas.space import TabularSpace

X = np.zeros((60, 4))
y = np.arange(60) % 2

search = TabularSearchClassifier(time_budget=30, n_jobs=2).fit(X, y)
labels: np.ndarray = search.predict(X)
probabilities: np.ndarray = search.predict_proba(X)
score: float = search.score(X, y)
path: Path = search.export_model("best.keras")

space = TabularSpace(architectures=("mlp",))
regressor = TabularSearchRegressor(space=space, scoring="r2", cv=5, max_trials=9)
regressor.fit(X, y, np.ones(60), groups=y)
best: float = regressor.best_score_
TextSearchClassifier(class_weight={"a": 2.0}).fit(["a text"] * 9, ["a", "b", "a"] * 3)
ImageSearchClassifier(random_state=np.random.RandomState(0)).fit(
    np.zeros((9, 8, 8)), y[:9], X_val=np.zeros((2, 8, 8)), y_val=y[:2]
)
TabularSearchClassifier(time_bugdet=60)  # type: ignore[call-arg]
