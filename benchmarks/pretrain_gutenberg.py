"""A GPT-2 from random weights on 20 M characters of books, as `textgraft pretrain` makes it: perplexity, two samples.

Its 4,096 tokens are made of the training books; the perplexity is that of other books, before the first step and after
the one pass. The whole is meant to take less than a quarter of an hour on 2 cores. With a folder as argument, the model
is left there.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report
from textgraft.runtime import choose_precision, start_tensorflow
from textgraft.storage.folders import write_folder

CHARACTERS, JUDGED = 20_000_000, 1_000_000
TOKENS, SEED = 4096, 0
LAYERS, WIDTH, HEADS, LENGTH = 3, 128, 4, 128
FIT = {"epochs": 1, "batch_size": 32, "learning_rate": 2e-3}
PROMPTS = ("The old man", "“I do not know,” said")
DRAWN = {"max_new_tokens": 60, "temperature": 0.8, "top_p": 0.95}


def main() -> None:
    """Make the vocabulary, train, test on other books, and go on from two prompts."""
    begun = time.monotonic()
    start_tensorflow()
    books = tg.load_dataset(data_folder() / "gutenberg" / "books.parquet", text="text")
    ends = np.cumsum([len(books.text_at(row)) for row in range(len(books))])
    first, last = np.searchsorted(ends, [CHARACTERS, CHARACTERS + JUDGED])
    model = untrained(books.take(range(first)))
    prepared = time.monotonic() - begun
    history = model.fit(books.take(range(first)), books.take(range(first, last)), **FIT)
    found = model.record["metrics"]["validation"]
    if sys.argv[1:]:
        model.save(sys.argv[1], overwrite=True)
    report(
        "pretrain_gutenberg",
        characters=int(ends[first - 1]),
        parameters=model.fine_tuning().parameter_counts()[1],
        perplexity_at_epoch_0=round(found["val_perplexity_before"], 1),
        perplexity_at_the_end=round(found["val_perplexity"], 1),
        vocabulary_seconds=round(prepared, 1),
        fit_seconds=round(history.seconds, 1),
        seconds=round(time.monotonic() - begun, 1),
        processor_seconds=round(time.process_time(), 1),
        samples=[prompt + text for prompt, text in zip(PROMPTS, model.generate(PROMPTS, **DRAWN), strict=True)],
    )


def untrained(train: tg.Dataset) -> tg.TextGenerator:
    """A vocabulary of these books, and random weights."""
    from textgraft.backbones.sizes import Sizes
    from textgraft.backbones.untrained import make_vocabulary
    from textgraft.backbones.untrained import untrained as backbone
    from textgraft.text.cleaning import Cleaning
    from textgraft.training.corpus import document_chunks

    texts = document_chunks((batch.texts for batch in train.batches(1)), Cleaning())
    files = make_vocabulary("gpt2", texts, TOKENS, cased=True)
    sizes, precision = Sizes(LAYERS, WIDTH, HEADS, LENGTH, dropout=0.0), choose_precision("auto")
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder) / "vocabulary", {name: [content] for name, content in files.items()})
        network = backbone("gpt2", sizes, Path(folder) / "vocabulary", precision, SEED)
    return tg.TextGenerator(network, precision, sequence_length=LENGTH)


if __name__ == "__main__":
    main()
