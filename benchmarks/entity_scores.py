"""Scores of entities: calibration error of the mean of words' probabilities, and of span probabilities.

Frozen `minilm` on 1,200 training sentences of WNUT 2017; 800 others calibrate and 1,000 test.
"""

import numpy as np
from sklearn.metrics import roc_auc_score

import textgraft as tg
from benchmarks.report import data_folder, report

TRAIN, CALIBRATION, TEST, BINS = 1200, 800, 1000, 10


def main() -> None:
    """Train once, and report each kind of score."""
    data = tg.load_tagged(data_folder() / "wnut17" / "train.conll")
    order = np.random.default_rng(0).permutation(len(data))
    ends = np.cumsum([TRAIN, CALIBRATION, TEST])
    train, validation, test = (data.take(rows) for rows in np.split(order[: ends[-1]], ends[:-1]))
    model = tg.TokenClassifier("minilm", data.label_names)
    model.fit(train, validation=validation, fine_tune="none")
    fitted = model.objective.temperature
    for scoring, temperature in (("words", 1.0), ("spans", 1.0), ("spans", fitted)):
        model.objective.scoring, model.objective.temperature = scoring, temperature
        scores: list[float] = []
        is_right: list[bool] = []

        def add(_: tg.Dataset, rows: list, scores: list = scores, is_right: list = is_right) -> None:
            for row in rows:
                truth = {(item["start"], item["end"], item["label"]) for item in row.truth}
                scores.extend(item["score"] for item in row.prediction)
                is_right.extend((item["start"], item["end"], item["label"]) in truth for item in row.prediction)

        model.evaluate(test, on_results=add)
        right, values = np.array(is_right, float), np.array(scores)
        bins = np.minimum((values * BINS).astype(int), BINS - 1)
        error = float(np.abs(np.bincount(bins, values - right)).sum() / len(values))
        figures = {"right": right.mean(), "mean": values.mean(), "error": error, "area": roc_auc_score(right, values)}
        rounded = {name: round(float(value), 3) for name, value in figures.items()}
        report("entity_scores", scoring=scoring, temperature=temperature, entities=len(values), **rounded)


if __name__ == "__main__":
    main()
