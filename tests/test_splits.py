import numpy as np
import pytest

from skautonas.data.splits import holdout


def test_label_sorted_rows_give_every_class_to_both_sides():
    y = np.repeat(np.arange(10), 20)
    train, validation = holdout(y, 0.2, stratify=True, seed=0)
    assert np.bincount(y[validation]).tolist() == [4] * 10
    assert sorted([*train, *validation]) == list(range(200))


def test_a_class_of_one_row_trains():
    y = np.array([0] * 30 + [1] * 30 + [2])
    train, validation = holdout(y, 0.2, stratify=True, seed=0)
    assert 60 in train
    assert len(validation) == 12


@pytest.mark.parametrize("n_rows", [2, 3, 5, 9])
def test_few_rows_still_give_two_sides(n_rows):
    y = np.arange(n_rows) % 2
    for stratify in (True, False):
        train, validation = holdout(y, 0.2, stratify=stratify, seed=0)
        assert len(train) > 0
        assert len(validation) > 0
        assert sorted([*train, *validation]) == list(range(n_rows))


def test_all_classes_of_one_row():
    train, validation = holdout(np.arange(10), 0.2, stratify=True, seed=0)
    assert len(train) == 8
    assert len(validation) == 2


def test_one_row_is_refused():
    with pytest.raises(ValueError, match="n_samples=1"):
        holdout(np.zeros(1), 0.2, stratify=False, seed=0)


def test_the_seed_decides():
    y = np.random.default_rng(0).normal(size=50)
    one, two = (holdout(y, 0.2, stratify=False, seed=s)[1].tolist() for s in (1, 2))
    assert one != two
    assert one == holdout(y, 0.2, stratify=False, seed=1)[1].tolist()
