"""An encoder that sees a text both as words in order and as bags of n-grams."""

from typing import TYPE_CHECKING, Any

from skautonas.space import text_layers as functions
from skautonas.space.chooser import Chooser
from skautonas.space.text_blocks import dense_head, embed_words, parallel
from skautonas.space.text_ngrams import MLP_SCALE, drop_ngrams, read_bags, sum_bags

if TYPE_CHECKING:
    from skautonas.space.text import TextSpace


def combined(choose: Chooser, inputs: Any, space: "TextSpace") -> Any:
    """Put what convolutions find beside the sum of the n-grams' embeddings.

    The wide and the deep part of a text (after Cheng et al. 2016), with one head.
    """
    bags = read_bags(choose, inputs, space, "combined/ngrams")
    bags = drop_ngrams(choose, bags, space, "combined/ngrams")
    width = choose.value("combined/ngrams/width", space.embedding_widths, 64)
    wide = sum_bags(choose, bags, width, MLP_SCALE)
    words, mask = embed_words(choose, inputs, space, "combined/words")
    deep = parallel(choose, words, mask, space, "combined/words")
    x = choose.call(functions.concatenate, wide, deep)
    return dense_head(choose, x, space, "combined", default_layers=0)
