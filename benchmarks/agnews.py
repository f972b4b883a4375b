"""AG News: accuracy of minilm fine-tuned on 2,000 labels with default settings."""

import textgraft as tg
from benchmarks.report import data_folder, report, sample


def main() -> None:
    """Accuracy on the 7,600 test items."""
    train = sample(tg.load_dataset(data_folder() / "agnews", split="train"), 2000)
    test = tg.load_dataset(data_folder() / "agnews", split="test")
    model = tg.TextClassifier("minilm", train.label_names)
    history = model.fit(train)
    metrics = model.evaluate(test)
    report("agnews_2000_labels", labels=len(train), accuracy=metrics["accuracy"], fit_seconds=round(history.seconds, 1))


if __name__ == "__main__":
    main()
