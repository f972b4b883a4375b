"""Write tiny model folders of the present format version, of each task, as archives in tests/compat.

    python -m tools.make_compat_models

Run it once for each format version that is released: tests read the archives with all later versions, which must give
the answers that are stored in them. An existing archive is never replaced.
"""

import io
import json
import lzma
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1] / "tests"
ARCHIVES = TESTS / "compat"
# The answers to texts that no folder keeps by itself.
ANSWERS = "answers.json"
TEXTS = ["the film was good", "a dull plot .", "very bad", "not a fine film , it was dull", ""] * 4
MASKED = ["the [MASK] was good", "a [MASK] plot ."]
PROMPTS = ["the film"]


def describe_masks(texts: Any) -> list[list[list[list[Any]]]]:
    """The candidates of `MaskFiller.predict` as JSON values, with probabilities to three digits."""
    return [[[[one.token, round(one.probability, 3)] for one in mask] for mask in text] for text in texts]


def main() -> None:
    """Train the models and write the archives."""
    os.environ["TEXTGRAFT_OFFLINE"] = "1"
    from textgraft.runtime import start_tensorflow

    start_tensorflow()
    from textgraft.model_folder.versions import FORMAT_VERSION

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)  # model folders have the names of presets as they are given
        os.environ["TEXTGRAFT_CACHE"] = str(folder / "cache")
        for task, make in _models():
            archive = ARCHIVES / f"format-{FORMAT_VERSION}-{task}.tar.xz"
            if archive.exists():
                print(f"{archive.name} exists already")
                continue
            model, answers = make()
            model.save(folder / task)
            _write_archive(archive, folder / task, answers)
            print(f"{archive.name}: {archive.stat().st_size:,} bytes")


def _models() -> Iterator[tuple[str, Callable[[], tuple[Any, Any]]]]:
    """The name of each model, and the function that trains it; also the answers that its folder does not keep."""
    from tools.make_tiny_presets import make_tiny_bert

    import textgraft as tg

    bert = str(make_tiny_bert(Path("tiny-bert")))
    gpt2 = shutil.copytree(TESTS / "golden" / "gpt2", "gpt2")
    options = {"precision": "float32"}
    fit = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "progress": False}
    moods = ["good", "bad", "bad", "bad", "good"] * 4

    def classifier() -> tuple[Any, Any]:
        model = tg.TextClassifier(bert, ["bad", "good"], **options)
        model.fit(TEXTS, moods, validation=(TEXTS, moods), ngrams=False, **fit)
        return model, None

    def frozen_classifier() -> tuple[Any, Any]:
        model = tg.TextClassifier(bert, ["bad", "good", "none"], sequence_length=8, truncation="windows", **options)
        kinds = ["none" if not text else mood for text, mood in zip(TEXTS, moods, strict=True)]
        texts, labels = TEXTS * 3, kinds * 3
        model.fit(texts, labels, validation=(texts, labels), fine_tune="none", ngrams=True, progress=False)
        return model, None

    def label_sets() -> tuple[Any, Any]:
        model = tg.TextClassifier(bert, ["a", "b"], problem="multi-label", **options)
        sets = [["a"], ["b"], ["a", "b"], [], ["b"]] * 4
        model.fit(TEXTS, sets, validation=(TEXTS, sets), **fit)
        return model, None

    def numbers() -> tuple[Any, Any]:
        model = tg.TextClassifier(bert, problem="regression", **options)
        values = [float(len(text)) for text in TEXTS]
        model.fit(TEXTS, values, validation=(TEXTS, values), **fit)
        return model, None

    def pairs() -> tuple[Any, Any]:
        model = tg.TextClassifier(bert, ["no", "yes"], pairs=True, **options)
        data = tg.Dataset.from_lists(TEXTS[:-1], ["yes", "no"] * 9 + ["yes"], pairs=TEXTS[1:])
        model.fit(data, validation=data, **fit)
        return model, None

    def entities() -> tuple[Any, Any]:
        words = [text.split() for text in TEXTS if text]
        tags = [["B-X" if word in {"film", "plot"} else "O" for word in row] for row in words]
        data = tg.TaggedDataset.from_lists(words, tags)
        model = tg.TokenClassifier(bert, data.label_names, **options)
        model.fit(data, validation=data, **{**fit, "epochs": 6})
        return model, None

    def embedder() -> tuple[Any, Any]:
        return tg.TextEmbedder(bert, normalize=True, **options), None

    def mask_filler() -> tuple[Any, Any]:
        model = tg.MaskFiller(bert, **options)
        return model, describe_masks(model.predict(MASKED))

    def generator() -> tuple[Any, Any]:
        model = tg.TextGenerator(gpt2, **options)
        return model, model.generate(PROMPTS, max_new_tokens=8)

    yield from {
        "text-classification": classifier, "windows-and-ngrams": frozen_classifier, "label-sets": label_sets,
        "numbers": numbers, "pairs": pairs, "token-classification": entities, "feature-extraction": embedder,
        "fill-mask": mask_filler, "text-generation": generator,
    }.items()  # fmt: skip


def _write_archive(archive: Path, folder: Path, answers: Any) -> None:
    """The files of a folder, and other answers beside it, without times and owners."""
    files = {f"model/{file.name}": file.read_bytes() for file in sorted(folder.iterdir())}
    if answers is not None:
        files[ANSWERS] = json.dumps(answers).encode()
    archive.parent.mkdir(exist_ok=True)
    with lzma.open(archive, "xb", preset=9) as compressed, tarfile.open(fileobj=compressed, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    sys.exit(main())
