"""False alarms of `textgraft drift`, and the shifts that it recognizes, with a frozen minilm on AG News.

    python -m benchmarks.drift

A model is trained on 1,000 training texts; new texts are 300 other training texts: drawn at random, with a share of one
label that is 20 points higher, with 30 % TREC questions, or the shortest half. 20 resamples of each, with a
reference of 500 texts of the training.
"""

from collections.abc import Callable

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, require_data
from textgraft.drift.comparison import compare_with_reference
from textgraft.model_folder.reference import Reference
from textgraft.tasks.reference import reference_of
from textgraft.tasks.text_features import TextFeatures, classifier_features, join_features
from textgraft.training.token_ids import TruncationCount

RESAMPLES, NEW, TRAIN, OTHERS, LEVEL = 20, 300, 1000, 3000, 0.01
MOVED, MIXED = 0.2, 0.3  # share that is added to one label's, and that of questions


def main() -> None:
    """Report the alarms in each kind of new texts."""
    require_data()
    data = tg.load_dataset(data_folder() / "agnews", split="train", label="label")
    order = np.random.default_rng(0).permutation(len(data))
    train, others = data.take(np.sort(order[:TRAIN])), data.take(order[TRAIN : TRAIN + OTHERS])
    model = tg.TextClassifier("minilm", data.label_names)
    model.fit(train, fine_tune="none", progress=False)
    questions = tg.load_dataset(data_folder() / "trec", split="train", label="label").take(range(1000))
    new, mixed = _features(model, others), _features(model, questions)
    lengths = np.array([len(row.text) for row in others])
    question_lengths = np.array([len(row.text) for row in questions])
    is_first = np.array([label == data.label_names[0] for label in others.labels])
    shorter = np.flatnonzero(lengths <= np.median(lengths))

    def unchanged(random: np.random.Generator) -> Reference:
        return _sample(model, new, lengths, random.permutation(OTHERS)[:NEW])

    def moved(random: np.random.Generator) -> Reference:
        firsts = random.permutation(np.flatnonzero(is_first))[: round((is_first.mean() + MOVED) * NEW)]
        rest = random.permutation(np.flatnonzero(~is_first))[: NEW - len(firsts)]
        return _sample(model, new, lengths, np.concatenate([firsts, rest]))

    def with_questions(random: np.random.Generator) -> Reference:
        count = round(MIXED * NEW)
        both = join_features([new, mixed])
        rows = np.concatenate([random.permutation(OTHERS)[: NEW - count], OTHERS + random.permutation(1000)[:count]])
        return _sample(model, both, np.concatenate([lengths, question_lengths]), rows)

    def shorter_texts(random: np.random.Generator) -> Reference:
        return _sample(model, new, lengths, random.permutation(shorter)[:NEW])

    for draw in (unchanged, moved, with_questions, shorter_texts):
        report("drift", new=draw.__name__, resamples=RESAMPLES, rows=NEW, **_alarms(model, draw))


def _alarms(model: tg.TextClassifier, draw: Callable[[np.random.Generator], Reference]) -> dict[str, int]:
    """The number of resamples with drift, and of those in which each property has changed."""
    counts = dict.fromkeys(("drift", "texts", "answers", "lengths"), 0)
    for seed in range(RESAMPLES):
        after = draw(np.random.default_rng(seed))
        result = compare_with_reference(model.reference, after, model.settings(), LEVEL, seed)
        counts["drift"] += result.is_drift
        for test in result.tests:
            counts[test.name] += test.is_drift
    return counts


def _features(model: tg.TextClassifier, data: tg.Dataset) -> TextFeatures:
    texts = (batch.inputs for batch in data.batches())
    return join_features(classifier_features(model, texts, TruncationCount()))


def _sample(model: tg.TextClassifier, features: TextFeatures, lengths: np.ndarray, rows: np.ndarray) -> Reference:
    """The reference of some rows."""
    taken = TextFeatures(
        features.vectors[rows], [features.answers[row] for row in rows], [features.confidences[row] for row in rows],
        features.doubts[rows], features.residuals[rows],
    )  # fmt: skip
    return reference_of(model, lengths[rows], taken)


if __name__ == "__main__":
    main()
