"""Regression on the stars of IMDb reviews: minilm fine-tuned on 1,000 of them, tested on 500 others."""

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report


def main() -> None:
    """Correlations and errors, beside the error of always saying the mean."""
    train, test = (_some(name, rows) for name, rows in (("train", 1000), ("test", 500)))
    model = tg.TextClassifier("minilm", problem="regression", sequence_length=128)
    history = model.fit(train, epochs=2)
    found = model.evaluate(test)
    constant = float(np.abs(test.numbers() - train.numbers().mean()).mean())
    metrics = {name: round(found[name], 3) for name in ("pearson", "spearman", "mae", "rmse")}
    report("ratings", **metrics, mae_of_the_mean=round(constant, 3), fit_seconds=round(history.seconds, 1))


def _some(name: str, rows: int) -> tg.Dataset:
    path = data_folder() / "imdb" / f"{name}.parquet"
    data = tg.load_dataset(path, label="rating", problem="regression")
    assert isinstance(data, tg.Dataset)
    return data.take(np.random.default_rng(0).permutation(len(data))[:rows])


if __name__ == "__main__":
    main()
