"""The well-known models that our scores stand beside."""

# Pixels that the linear model sees of an image: wider ones take minutes and gigabytes.
MAX_PIXELS = 10_000


def thinned(images):
    """Return images as rows of at most `MAX_PIXELS` values, every k-th of them."""
    flat = images.reshape(len(images), -1)
    return flat[:, :: -(-flat.shape[1] // MAX_PIXELS)]


def linear_model(modality, task, n_features, min_df=1):
    """Return a linear pipeline for the modality; an image has ``n_features`` pixels."""
    from sklearn.decomposition import PCA
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    head = LogisticRegression(max_iter=1000) if task == "classification" else Ridge()
    if modality == "text":
        if task == "classification":
            head = LogisticRegression(C=10.0, max_iter=1000)
        return make_pipeline(
            TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=min_df), head
        )
    if modality == "image":
        pca = PCA(min(100, n_features), svd_solver="randomized", random_state=0)
        return make_pipeline(StandardScaler(), pca, head)
    return make_pipeline(table_columns(), head)


def table_columns():
    """Return a preprocessing of tables for linear models."""
    from sklearn.compose import make_column_selector as select
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    classes = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5)
    return make_column_transformer(
        (numbers, select(dtype_include="number")),
        (classes, select(dtype_exclude="number")),
    )


def ordinal_columns():
    """Return a preprocessing of tables for trees: codes of what is no number."""
    from sklearn.compose import make_column_selector as select
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return make_column_transformer(
        (codes, select(dtype_exclude="number")), remainder="passthrough"
    )


def boosting(task):
    """Return histogram gradient boosting with its default settings."""
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )
    from sklearn.pipeline import make_pipeline

    columns = ordinal_columns()
    if task == "classification":
        return make_pipeline(columns, HistGradientBoostingClassifier(random_state=0))
    return make_pipeline(columns, HistGradientBoostingRegressor(random_state=0))
