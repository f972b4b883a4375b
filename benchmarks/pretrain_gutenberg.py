"""A GPT-2 pretrained from random weights on 20 M characters of books, as by `textgraft pretrain`: perplexity, samples.

The vocabulary of 4,096 tokens is trained on the same books; the perplexity is measured on other books, before the first
step and after one epoch. The run should take less than 15 minutes on 2 cores. With a folder as argument, the model is
saved there.
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

CHARACTERS, VALIDATION_CHARACTERS = 20_000_000, 1_000_000
TOKENS, SEED = 4096, 0
LAYERS, WIDTH, HEADS, LENGTH = 3, 128, 4, 128
FIT = {"epochs": 1, "batch_size": 32, "learning_rate": 2e-3}
PROMPTS = ("The old man", "“I do not know,” said")
SAMPLING = {"max_new_tokens": 60, "temperature": 0.8, "top_p": 0.95}


def main() -> None:
    """Train the vocabulary and the model, evaluate it on other books, and continue two prompts."""
    start = time.monotonic()
    start_tensorflow()
    books = tg.load_dataset(data_folder() / "gutenberg" / "books.parquet", text="text")
    ends = np.cumsum([len(text.decode()) for batch in books.batches() for text in batch.texts])
    train_end, validation_end = np.searchsorted(ends, [CHARACTERS, CHARACTERS + VALIDATION_CHARACTERS])
    model = untrained(books.take(range(train_end)))
    preparation_seconds = time.monotonic() - start
    history = model.fit(books.take(range(train_end)), validation=books.take(range(train_end, validation_end)), **FIT)
    metrics = model.record["metrics"]["validation"]
    if sys.argv[1:]:
        model.save(sys.argv[1], overwrite=True)
    report(
        "pretrain_gutenberg",
        characters=int(ends[train_end - 1]),
        parameters=model.fine_tuning().parameter_counts()[1],
        perplexity_at_epoch_0=round(metrics["val_perplexity_before"], 1),
        perplexity_at_the_end=round(metrics["val_perplexity"], 1),
        vocabulary_seconds=round(preparation_seconds, 1),
        fit_seconds=round(history.seconds, 1),
        seconds=round(time.monotonic() - start, 1),
        processor_seconds=round(time.process_time(), 1),
        samples=[prompt + text for prompt, text in zip(PROMPTS, model.generate(PROMPTS, **SAMPLING), strict=True)],
    )


def untrained(train: tg.Dataset) -> tg.TextGenerator:
    """A generator with random weights and a vocabulary trained on these books."""
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
