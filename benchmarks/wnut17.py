"""Named entities on WNUT-17: minilm and word vectors with a convolution, both with default settings."""

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
            history = model.fit(train, validation=validation)
            for decoding in ("free", "constrained"):
                model.objective.decoding = decoding
                metrics = model.evaluate(test)
                report(
                    "wnut17", model=name, decoding=decoding, f1=round(metrics["f1"], 4),
                    interval=metrics["f1_interval"], epochs=len(history.records), fit_seconds=round(history.seconds, 1),
                )  # fmt: skip


def _word_vectors(path: Path) -> Path:
    """Write the alphanumeric tokens of minilm's token table as word vectors: its knowledge without the blocks."""
    backbone = load_backbone("minilm")
    table = backbone.token_embedding.vectors.numpy()
    ids = {backbone.token(token_id): token_id for token_id in range(len(table))}
    words = {word: token_id for word, token_id in ids.items() if word.isalnum()}
    lines = (f"{word} {' '.join(f'{value:.5f}' for value in table[token_id])}\n" for word, token_id in words.items())
    path.write_text(f"{len(words)} {table.shape[1]}\n" + "".join(lines), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
