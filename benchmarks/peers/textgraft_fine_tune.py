"""textgraft: minilm fine-tuned, with defaults except for tokens."""

import textgraft as tg
from benchmarks.peers.contract import SEQUENCE_LENGTH, Predict, Task, run
from textgraft import TextClassifier


def fit(task: Task) -> Predict:
    """Train; a tenth of the rows becomes the validation set."""
    names = [task.labels[target] for target in task.train.targets]
    model = TextClassifier("minilm", task.labels, sequence_length=SEQUENCE_LENGTH, seed=task.seed)
    rows = tg.Dataset.from_lists(task.train.texts, names)
    with task.training:
        model.fit(rows, seed=task.seed)
    return lambda texts: model.predict_proba(texts).argmax(axis=1)


if __name__ == "__main__":
    run(fit)
