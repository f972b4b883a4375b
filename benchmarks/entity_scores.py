"""Scores of entities: calibration error of the mean of words' probabilities, and of span probabilities.

Frozen `minilm` on 1,200 training sentences of WNUT 2017; 800 others calibrate and 1,000 test, without those that are
among the former.

    python -m benchmarks.entity_scores
"""

import numpy as np
from sklearn.metrics import roc_auc_score

import textgraft as tg
from benchmarks.report import data_folder, report
from textgraft.tasks.objectives.single_label import best_temperature

TRAIN, CALIBRATION, TEST, BINS = 1200, 800, 1000, 10


def main() -> None:
    """Train once, and report each kind of score."""
    data = tg.load_tagged(data_folder() / "wnut17" / "train.conll")
    order = np.random.default_rng(0).permutation(len(data))
    ends = np.cumsum([TRAIN, CALIBRATION, TEST])
    train, validation, test = (data.take(rows) for rows in np.split(order[: ends[-1]], ends[:-1]))
    model = tg.TokenClassifier("minilm", data.label_names)
    model.fit(train, validation=validation, fine_tune="none", progress=False)
    fitted, of_words = model.objective.temperature, word_temperature(model, validation)
    for scoring, temperature in (("words", 1.0), ("spans", 1.0), ("spans", of_words), ("spans", fitted)):
        model.objective.scoring, model.objective.temperature = scoring, temperature
        scores, is_right = scores_of(model, test)
        bins = np.minimum((scores * BINS).astype(int), BINS - 1)
        error = float(np.abs(np.bincount(bins, scores - is_right)).sum() / len(scores))
        area = roc_auc_score(is_right, scores)
        figures = {"right": is_right.mean(), "mean": scores.mean(), "error": error, "area": area}
        rounded = {name: round(float(value), 3) for name, value in figures.items()}
        report("entity_scores", scoring=scoring, temperature=round(temperature, 2), entities=len(scores), **rounded)


def word_temperature(model: tg.TokenClassifier, data: tg.TaggedDataset) -> float:
    """The temperature that is fitted to the tags of words."""
    rows = list(data)
    logits = model.word_logits(rows, model.word_rows.words(rows))
    return best_temperature(model.examples(data).targets.values, logits.values)


def scores_of(model: tg.TokenClassifier, data: tg.TaggedDataset) -> tuple[np.ndarray, np.ndarray]:
    """The scores of the entities that are predicted in unseen texts, and whether each is right, float64 (n,)."""
    scores: list[float] = []
    is_right: list[bool] = []

    def add(_: tg.Dataset, rows: list) -> None:
        for row in rows:
            truth = {(item["start"], item["end"], item["label"]) for item in row.truth}
            scores.extend(item["score"] for item in row.prediction)
            is_right.extend((item["start"], item["end"], item["label"]) in truth for item in row.prediction)

    model.evaluate(data, unseen=True, on_results=add)
    return np.array(scores), np.array(is_right, float)


if __name__ == "__main__":
    main()
