"""textgraft: the TF-Hub tutorial, as in examples/imdb_word_embedding.py."""

import textgraft as tg
from benchmarks.peers.contract import Predict, Rows, Task, run
from textgraft import TextClassifier


def fit(task: Task) -> Predict:
    """Train for ten epochs in batches of 512."""

    def dataset(rows: Rows) -> tg.Dataset:
        return tg.Dataset.from_lists(rows.texts, [task.labels[target] for target in rows.targets])

    model = TextClassifier(task.module, task.labels, hidden=(16,), dropout=0, seed=task.seed, trust_savedmodel=True)
    train, validation = dataset(task.train), dataset(task.validation)
    options = {
        "epochs": 10,
        "batch_size": 512,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "patience": 10,
        "ngrams": False,
    }
    with task.training:
        model.fit(train, validation=validation, **options, seed=task.seed)
    return lambda texts: model.predict_proba(texts).argmax(axis=1)


if __name__ == "__main__":
    run(fit)
