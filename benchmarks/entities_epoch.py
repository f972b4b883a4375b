"""Time of an epoch of named-entity training (minilm, all layers) on 14,000 news sentences in CoNLL format."""

import tempfile
from pathlib import Path

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report

_SENTENCES = 14_000
_MEAN_WORDS = 17  # of the geometric distribution; 14.5 after truncation by the texts, as in CoNLL-2003


def main() -> None:
    """Seconds of the first epoch, including compilation; the tags (capitalized words) only serve the timing."""
    with tempfile.TemporaryDirectory() as folder:
        train = tg.load_tagged(_write(Path(folder) / "news.conll"))
        validation = train.take(range(100))
        model = tg.TokenClassifier("minilm", train.label_names, splitting="edges")
        history = model.fit(train, validation=validation, epochs=1)
        words = sum(len(row.words) for row in train)
    report(
        "entities_epoch", sentences=len(train), words=words, seconds=round(history.seconds, 1),
        texts_per_second=round(len(train) / history.seconds, 1),
    )  # fmt: skip


def _write(path: Path) -> Path:
    """AG News items, truncated to a geometrically distributed number of words."""
    random = np.random.Generator(np.random.PCG64(0))
    news = tg.load_dataset(data_folder() / "agnews" / "train.csv").take(range(_SENTENCES))
    with path.open("w", encoding="utf-8") as file:
        for batch in news.batches():
            for text in batch.texts:
                for word in text.decode().split()[: random.geometric(1 / _MEAN_WORDS)]:
                    file.write(f"{word}\t{'B-NAME' if word[0].isupper() else 'O'}\n")
                file.write("\n")
    return path


if __name__ == "__main__":
    main()
