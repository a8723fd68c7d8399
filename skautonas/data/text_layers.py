"""The Keras model that turns texts into ids and weights."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skautonas.data.bags import Bag
    from skautonas.data.texts import TextEncoder


def text_preprocessing(encoder: "TextEncoder") -> Any:
    """Return the Keras model of a fitted encoder.

    Parameters
    ----------
    encoder : TextEncoder
        Fitted: it knows vocabularies, document frequencies and lengths.

    Returns
    -------
    keras.Model
        From ``{"text": (n,) strings}`` to ``words``, int32 of shape (n, L), and for
        each bag its ids and weights, int32 and float32 of shape (n, K), such as
        ``ngrams`` and ``ngrams_weights``.
    """
    import keras
    from keras import layers, ops

    text = keras.Input((), dtype="string", name="text")
    # A vocabulary given to the constructor is saved as JSON; an adapted one is saved
    # as lines of text, and words with a Unicode line separator then shift all ids.
    words = layers.TextVectorization(
        vocabulary=encoder.words, output_sequence_length=encoder.length, name="words"
    )(text)
    encoded = {"words": ops.cast(words, "int32")}
    for name, bag in encoder.bags.items():
        encoded[name], encoded[f"{name}_weights"] = fill_bag(text, bag)
    return keras.Model({"text": text}, encoded, name="text_preprocessing")


def fill_bag(text: Any, bag: "Bag") -> tuple[Any, Any]:
    """Return the n-grams of texts, and the tf-idf weight of each.

    Parameters
    ----------
    text : keras.KerasTensor of str, shape (n,)
        Texts.
    bag : Bag
        Of a corpus of such texts.

    Returns
    -------
    ids : keras.KerasTensor of int32, shape (n, K)
        Each known n-gram once, but for padding and repeats, which weigh nothing.
    weights : keras.KerasTensor of float32, shape (n, K)
        Of unit length where all n-grams are kept; 0 for padding, unknown n-grams and
        repeats.
    """
    from keras import layers, ops

    ids = layers.TextVectorization(
        standardize=bag.standardize,
        split=bag.split,
        ngrams=bag.lengths,
        vocabulary=bag.terms,
        output_sequence_length=bag.read,
    )(text)
    ids = ops.sort(ids, axis=-1)
    idf = layers.Embedding(
        len(bag.idf),
        1,
        weights=[bag.idf[:, None]],
        trainable=False,
        dtype="float32",
    )(ids)
    weights = tf_idf(ids, ops.squeeze(idf, axis=-1), len(bag.idf))
    if bag.kept < bag.read:
        weights, heaviest = ops.top_k(weights, bag.kept)
        ids = ops.take_along_axis(ids, heaviest, axis=1)
    return ops.cast(ids, "int32"), weights


def tf_idf(ids: Any, idf: Any, size: int) -> Any:
    """Return L2-normalised sublinear tf-idf weights of sorted ids.

    Equal ids of a row stand side by side. Shifted by a multiple of the vocabulary's
    size per row, all ids of the batch form one sorted sequence, in which two binary
    searches find how often each occurs: no array as wide as the vocabulary arises.

    Parameters
    ----------
    ids : tensor of int64, shape (n, K)
        Ids of the n-grams of a text, sorted within each row.
    idf : tensor of float32, shape (n, K)
        Inverse document frequency of each id; 0 where it does not count.
    size : int
        Ids in the vocabulary.

    Returns
    -------
    tensor of float32, shape (n, K)
        The weight of an id where it first occurs, 0 at its repeats.
    """
    from keras import ops

    ids = ops.cast(ids, "int64")  # rows * size passes 2**31 in batches of 71 583
    # As wide as the ids: Keras 3.15 adds a column of n numbers to n columns as if it
    # were a row of them.
    rows = ops.cumsum(ops.ones_like(ids), axis=0) - 1
    keys = ids + rows * size
    flat = ops.reshape(keys, (-1,))
    start = ops.searchsorted(flat, flat, side="left")
    end = ops.searchsorted(flat, flat, side="right")
    counts = ops.reshape(ops.cast(end - start, "float32"), (-1, ids.shape[1]))
    fresh = ops.not_equal(ids[:, 1:], ids[:, :-1])
    first = ops.concatenate(
        [ops.ones_like(ids[:, :1], dtype="float32"), ops.cast(fresh, "float32")],
        axis=1,
    )
    return ops.normalize((1.0 + ops.log(counts)) * idf * first, axis=1)
