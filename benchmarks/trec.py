"""TREC question types: accuracy of minilm fine-tuned on all labels with default settings."""

import textgraft as tg
from benchmarks.report import data_folder, report


def main() -> None:
    """Accuracy on the 500 test questions."""
    train, test = tg.load_dataset(data_folder() / "trec", split="train,test", label="label")
    model = tg.TextClassifier("minilm", train.label_names)
    history = model.fit(train)
    metrics = model.evaluate(test)
    report("trec", labels=len(train), accuracy=metrics["accuracy"], fit_seconds=round(history.seconds, 1))


if __name__ == "__main__":
    main()
