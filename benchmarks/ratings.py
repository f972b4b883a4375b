"""Regression on the ratings of IMDb reviews: minilm fine-tuned on 1,000, tested on 500 others."""

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report


def main() -> None:
    """Correlations and errors, and the error of always predicting the mean."""
    train, test = (_load(name, rows) for name, rows in (("train", 1000), ("test", 500)))
    model = tg.TextClassifier("minilm", problem="regression", sequence_length=128)
    history = model.fit(train, epochs=2)
    metrics = model.evaluate(test)
    mae_of_the_mean = float(np.abs(test.numbers() - train.numbers().mean()).mean())
    rounded = {name: round(metrics[name], 3) for name in ("pearson", "spearman", "mae", "rmse")}
    report("ratings", **rounded, mae_of_the_mean=round(mae_of_the_mean, 3), fit_seconds=round(history.seconds, 1))


def _load(name: str, rows: int) -> tg.Dataset:
    path = data_folder() / "imdb" / f"{name}.parquet"
    data = tg.load_dataset(path, label="rating", problem="regression")
    assert isinstance(data, tg.Dataset)
    return data.take(np.random.default_rng(0).permutation(len(data))[:rows])


if __name__ == "__main__":
    main()
