"""Known-good text models and their training, by size and kind of the data."""

from skautonas.data.facts import TextFacts
from skautonas.space.base import Configuration
from skautonas.space.recipe import RecipeOptions, by_rows
from skautonas.space.text_ngrams import LOG_RATIOS

# Batch size and epochs up to so many rows: 600 to 3 100 steps, after which the linear
# n-gram model had converged on five public data sets of 4 000 to 13 000 texts.
TRAINING_BY_ROWS = ((1_500, (32, 40)), (4_000, (32, 20)), (20_000, (64, 10)))
TRAINING_OF_MANY = (128, 5)
BATCH_SIZES, EPOCHS = (32, 64, 128, 256), (5, 10, 20, 40)
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 1e-4
# Of the linear n-gram model. Squared loss is eight times as curved as cross-entropy:
# on 3 360 tweets it lost nine points of R2 at 0.05, and diverged at 0.2.
SGD_LEARNING_RATES = {
    "classification": 0.05,
    "multilabel": 0.05,
    "regression": 0.004,
}
# Models of words in order are worth starts where there are so many texts per word of a
# usual one: the rule of Google's guide to text classification (docs/design/0013).
TEXTS_PER_WORD = 1500
# From there on an epoch takes long, and fewer steps are enough.
ROWS_FOR_LARGE_BATCHES = 30_000
# From so many classes on, embeddings are wide, and there is less dropout: 64 and 0.2
# won by two points with 77 classes, 32 and 0.4 by 0.1 to 1.6 points with two and six.
# With few classes, wide embeddings learn the training texts by heart; with many, they
# are what the linear model lacks.
MANY_CLASSES = 20
WIDTH_AND_DROPOUT = {True: (64, 0.2), False: (32, 0.4)}


def starts_for(facts: TextFacts) -> list[Configuration]:
    """Return starts for texts of this kind, strongest first: models of n-grams."""
    has_classes = facts.task == "classification"
    if facts.task == "multilabel":
        # Of 28 labels, micro F1 was 0.51 after 40 s, of the linear model 0.45.
        return [_perceptron(facts), _linear(facts), _combined(facts)]
    starts = [_linear(facts), _combined(facts), _perceptron(facts)]
    if has_classes and not _are_many(facts):
        starts.insert(1, _weighted(facts))
    return starts


def has_many_texts(facts: TextFacts) -> bool:
    """Tell whether there are enough texts for models of words in order alone."""
    return facts.n_rows >= TEXTS_PER_WORD * facts.median_words


def starts_of_words(facts: TextFacts) -> list[Configuration]:
    """Return models of words in order."""
    windows: Configuration = {
        "encoder": "convolution",
        "convolution/vocabulary": 10_000,
        "convolution/width": 32,
        "convolution/parallel/filters": 64,
    }
    # Large batches amortise the loop over words and the update of the table.
    gated: Configuration = {
        "encoder": "recurrent",
        "recurrent/vocabulary": 10_000,
        "recipe/adamw/learning_rate": 2 * LEARNING_RATE,
        "recipe/batch_size": 128,
    }
    attention: Configuration = {"encoder": "transformer"}
    return [start | _fewer_epochs(facts) for start in (windows, gated, attention)]


def text_recipe(facts: TextFacts) -> RecipeOptions:
    """Return the recipe's defaults for this number of rows, and what is offered."""
    batch_size, epochs = by_rows(TRAINING_BY_ROWS, facts.n_rows, TRAINING_OF_MANY)
    return RecipeOptions(
        optimizer="adamw",
        learning_rate=LEARNING_RATE,
        sgd_learning_rate=SGD_LEARNING_RATES[facts.task],
        schedule="cosine",
        weight_decay=WEIGHT_DECAY,
        batch_sizes=BATCH_SIZES,
        batch_size=batch_size,
        label_smoothing=0.0,
        epochs=EPOCHS,
        default_epochs=epochs,
        patience=8,
    )


def _linear(facts: TextFacts) -> Configuration:
    # Adam moves the coefficients of rare and of common n-grams alike, and was up to
    # two points worse than SGD on three of four public data sets.
    return {
        "encoder": "ngrams",
        "ngrams/head": "linear",
        "ngrams/dropout": 0.0 if facts.task == "regression" else 0.1,
        "recipe/optimizer": "sgd",
        "recipe/sgd/weight_decay": 1e-6,
        "recipe/label_smoothing": 0.0 if facts.proper_score else 0.05,
    }


def _weighted(facts: TextFacts) -> Configuration:
    # Against the start above, validation accuracy moved by 0.8 points for film
    # reviews, -0.2 for messages and for questions (6 classes), -4.4 for 77 classes.
    return _linear(facts) | {
        "ngrams/weighting": LOG_RATIOS,
        "recipe/sgd/learning_rate": SGD_LEARNING_RATES["classification"] / 2.5,
    }


def _perceptron(facts: TextFacts) -> Configuration:
    width, dropout = WIDTH_AND_DROPOUT[_are_many(facts)]
    start: Configuration = {
        "encoder": "ngrams",
        "ngrams/head": "mlp",
        "ngrams/width": width,
        "ngrams/dropout": dropout,
        "ngrams/head/dropout": dropout,
    }
    if facts.n_rows >= ROWS_FOR_LARGE_BATCHES:
        start |= {
            "recipe/batch_size": BATCH_SIZES[-1],
            "recipe/adamw/learning_rate": 2 * LEARNING_RATE,
        }
    return start


def _combined(facts: TextFacts) -> Configuration:
    width, dropout = WIDTH_AND_DROPOUT[_are_many(facts)]
    return {
        "encoder": "combined",
        "combined/ngrams/width": width,
        "combined/ngrams/dropout": dropout,
        "combined/words/vocabulary": 10_000,
        "combined/words/width": 32,
        "combined/words/filters": 64,
        "combined/head/dropout": dropout,
    } | _fewer_epochs(facts)


def _fewer_epochs(facts: TextFacts) -> Configuration:
    """Return half of the linear model's: encoders of words were at their best then."""
    return {"recipe/epochs": text_recipe(facts).default_epochs // 2}


def _are_many(facts: TextFacts) -> bool:
    return facts.task != "regression" and facts.n_outputs >= MANY_CLASSES
