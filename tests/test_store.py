"""Arrays on disk, between the user's process and the workers."""

import numpy as np
import pytest

from skautonas.data.images import ImageEncoder
from skautonas.data.store import open_arrays, write_arrays
from skautonas.estimation.study import raw_chunks


def test_arrays_come_back(tmp_path):
    texts = np.array(["", "a\0b", "naïve", ""], dtype=object)
    numbers = np.arange(8, dtype="float32").reshape(4, 2)
    chunks = [
        {"text": texts[rows], "numbers": numbers[rows]}
        for rows in (slice(3), slice(3, 4))
    ]
    write_arrays(tmp_path, chunks, 4)
    arrays = open_arrays(tmp_path)
    assert list(arrays["text"]) == [text.encode() for text in texts]
    np.testing.assert_array_equal(arrays["numbers"], numbers)
    assert sorted(arrays) == ["numbers", "text"]


def test_texts_of_several_columns_come_back(tmp_path):
    texts = np.array([["a", "bc"], ["", "d"]], dtype=object)
    write_arrays(tmp_path, [{"text": texts[:1]}, {"text": texts[1:]}], 2)
    assert open_arrays(tmp_path)["text"].tolist() == [[b"a", b"bc"], [b"", b"d"]]


def test_empty_texts_come_back(tmp_path):
    write_arrays(tmp_path, [{"text": np.array(["", ""], dtype=object)}], 2)
    assert list(open_arrays(tmp_path)["text"]) == [b"", b""]


def test_one_long_text_does_not_lengthen_the_others(tmp_path):
    texts = np.array(["x" * 100_000] + ["short"] * 1_000, dtype=object)
    write_arrays(tmp_path, [{"text": texts}], len(texts))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 120_000


def test_arrays_are_mapped_and_may_be_of_any_order(tmp_path):
    columns = np.asfortranarray(np.arange(6, dtype="float32").reshape(3, 2))
    write_arrays(tmp_path, [{"x": columns[:, ::-1]}], 3)
    mapped = open_arrays(tmp_path)["x"]
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, [[1, 0], [3, 2], [5, 4]])


def test_chunks_that_differ_are_refused(tmp_path):
    chunks = [{"x": np.zeros(2, "uint8")}, {"x": np.zeros(2, "float32")}]
    with pytest.raises(ValueError, match="alike"):
        write_arrays(tmp_path, chunks, 4)


@pytest.mark.parametrize("train", ["uint8", "float32"])
def test_bytes_and_floats_go_together(train):
    images = np.arange(2 * 4 * 4).reshape(2, 4, 4, 1)
    tables = [
        images.astype(train),
        images.astype("float32" if train == "uint8" else "uint8"),
    ]
    encoder = ImageEncoder().fit(tables[0])
    chunks = [chunk["image"] for chunk in raw_chunks(encoder, tables)]
    np.testing.assert_array_equal(
        np.concatenate(chunks), np.concatenate([images, images])
    )
    assert {chunk.dtype.name for chunk in chunks} == {"float32"}
