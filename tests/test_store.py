"""Arrays on disk, between the user's process and the workers."""

import numpy as np

from skautonas.data.store import open_arrays, write_arrays


def test_arrays_come_back(tmp_path):
    texts = np.array(["", "a\0b", "naïve", ""], dtype=object)
    numbers = np.arange(8, dtype="float32").reshape(4, 2)
    write_arrays(tmp_path, {"text": texts, "numbers": numbers})
    arrays = open_arrays(tmp_path)
    assert list(arrays["text"]) == [text.encode() for text in texts]
    np.testing.assert_array_equal(arrays["numbers"], numbers)
    assert sorted(arrays) == ["numbers", "text"]


def test_empty_texts_come_back(tmp_path):
    write_arrays(tmp_path, {"text": np.array(["", ""], dtype=object)})
    assert list(open_arrays(tmp_path)["text"]) == [b"", b""]


def test_one_long_text_does_not_lengthen_the_others(tmp_path):
    texts = np.array(["x" * 100_000] + ["short"] * 1_000, dtype=object)
    write_arrays(tmp_path, {"text": texts})
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 120_000
