"""Named entities on WNUT-17: minilm beside word vectors with a convolution, both by their defaults."""

import tempfile
from pathlib import Path

import textgraft as tg
from benchmarks.report import data_folder, report
from textgraft.backbones.presets import load_backbone
from textgraft.text.cleaning import Cleaning


def main() -> None:
    """Strict span F1 on the 1,287 test texts."""
    train, validation, test = (
        tg.load_tagged(data_folder() / "wnut17" / f"{name}.conll") for name in ("train", "dev", "test")
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, preset, cleaning in (
            ("minilm", "minilm", Cleaning()),
            ("word vectors", _word_vectors(Path(folder) / "words.vec"), Cleaning(lowercase=True)),
        ):
            model = tg.TokenClassifier(preset, train.label_names, splitting="edges", cleaning=cleaning)
            history = model.fit(train, validation)
            for decoding in ("free", "constrained"):
                model.decoding = decoding
                found = model.evaluate(test)
                report(
                    "wnut17", model=name, decoding=decoding, f1=round(found["f1"], 4), interval=found["f1_interval"],
                    epochs=len(history.records), fit_seconds=round(history.seconds, 1),
                )  # fmt: skip


def _word_vectors(path: Path) -> Path:
    """The whole words of minilm's own token table as a file of word vectors: what it knows without its blocks."""
    backbone = load_backbone("minilm")
    table = backbone.token_embedding.vectors.numpy()
    words = {backbone.token(number): number for number in range(len(table))}
    kept = {word: number for word, number in words.items() if word.isalnum()}
    lines = (f"{word} {' '.join(f'{value:.5f}' for value in table[number])}\n" for word, number in kept.items())
    path.write_text(f"{len(kept)} {table.shape[1]}\n" + "".join(lines), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
