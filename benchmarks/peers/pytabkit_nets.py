"""RealMLP-TD and TabM of pytabkit, trained as they are on the CPU; no budget."""

PACKAGES = ("pytabkit", "torch", "scikit-learn")


def prepare(problem):
    """Import PyTorch."""
    import pytabkit  # noqa: F401


def fit(system, problem, X, y, budget, seed):
    """Return a fitted model; gaps in numbers, which they refuse, become medians."""
    import pytabkit
    from sklearn.compose import make_column_selector as select
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    kind = "Regressor" if problem.task == "regression" else "Classifier"
    name = {"realmlp": "RealMLP_TD", "tabm": "TabM_D"}[system]
    model = getattr(pytabkit, f"{name}_{kind}")(
        device="cpu", random_state=seed, n_threads=2
    )
    columns = make_column_transformer(
        (SimpleImputer(strategy="median"), select(dtype_include="number")),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    return make_pipeline(columns, model).fit(X, y)
