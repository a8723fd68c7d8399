import keras_tuner
import pytest

from skautonas.space.base import complete
from skautonas.space.chooser import Declare, Pick


def body(choose):
    """Describe a space without models: return what was built as nested tuples."""

    def plain(choose, path):
        return ("plain", choose.value(f"{path}/kernel", (3, 5), 3))

    def deep(choose, path):
        inner = [
            choose.real(f"{step}/rate", 0.1, 1.0, 0.5)
            for step in choose.repeat(f"{path}/step", 1, 2, 1)
        ]
        return ("deep", *inner)

    return [
        choose.one(f"{block}/op", {"plain": plain, "deep": deep}, "plain")(
            choose, block
        )
        for block in choose.repeat("block", 1, 3, 2)
    ]


@pytest.fixture
def hp():
    hp = keras_tuner.HyperParameters()
    body(Declare(hp))
    return hp


def test_declare_walks_every_branch(hp):
    names = [parameter.name for parameter in hp.space]
    assert len(names) == len(set(names))
    per_block = ["op", "kernel", "steps", "step1/rate", "step2/rate"]
    expected = {f"block{i}/{name}" for i in (1, 2, 3) for name in per_block}
    assert set(names) == {"blocks", *expected}


def test_only_active_hyperparameters_have_values(hp):
    values = complete(hp, {"blocks": 1, "block1/op": "deep"})
    assert values == {
        "blocks": 1,
        "block1/op": "deep",
        "block1/steps": 1,
        "block1/step1/rate": 0.5,
    }


def test_pick_builds_what_the_values_say(hp):
    values = complete(hp, {"block2/op": "deep", "block2/steps": 2, "block1/kernel": 5})
    assert body(Pick(values)) == [("plain", 5), ("deep", 0.5, 0.5)]


def test_an_unknown_name_in_a_start_is_refused(hp):
    with pytest.raises(ValueError, match="blok"):
        complete(hp, {"blok": 1})


def test_nothing_to_choose_is_not_declared():
    hp = keras_tuner.HyperParameters()
    options = {"only": lambda choose: choose.value("size", (8,), 8)}
    Declare(hp).one("op", options, "only")(Declare(hp))
    assert hp.space == []
    assert Pick({}).one("op", options, "only")(Pick({})) == 8
