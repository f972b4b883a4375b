"""IMDb: accuracy on all 25,000 test reviews after fine-tuning minilm on 1,000 labels, 256 tokens, 3 epochs.

The 256 tokens are the first and the last 127 of a review and two special tokens.
"""

import textgraft as tg
from benchmarks.report import data_folder, report, sample


def main() -> None:
    """A tenth of the 1,000 labelled reviews is the validation set, which selects the epoch."""
    train = sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), 1000)
    test = tg.load_dataset(data_folder() / "imdb", split="test", label="label")
    model = tg.TextClassifier("minilm", train.label_names, sequence_length=256, truncation="head+tail")
    history = model.fit(train, epochs=3)
    metrics = model.evaluate(test)
    report(
        "imdb_1000_labels",
        labels=len(train),
        accuracy=metrics["accuracy"],
        interval=metrics["accuracy_interval"],
        fit_seconds=round(history.seconds, 1),
        precision=model.precision,
    )


if __name__ == "__main__":
    main()
