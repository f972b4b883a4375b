"""bfloat16 against float32: minilm fine-tuned in each, on TREC, 2,000 AG News labels and 1,000 IMDb labels."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import textgraft as tg
from benchmarks.report import data_folder, report, sample

SEEDS = (0,)


def main() -> None:
    """Test accuracies, also of the weights trained in bfloat16 and evaluated in float32."""
    for name, train, test in _data_sets():
        runs = [_accuracies(train, test, seed) for seed in SEEDS]
        means = {side: round(mean(run[side] for run in runs), 4) for side in runs[0]}
        report("precision", data=name, tests=len(test), seeds=len(SEEDS), **means)


def _data_sets() -> Iterator[tuple[str, tg.Dataset, tg.Dataset]]:
    def load(name: str, label: str | None) -> Any:
        return tg.load_dataset(data_folder() / name, split="train,test", label=label)

    yield ("trec", *load("trec", "label"))
    train, test = load("agnews", None)
    yield "agnews", sample(train, 2000), test
    train, test = load("imdb", "label")
    yield "imdb", sample(train, 1000), sample(test, 2000)


def _accuracies(train: tg.Dataset, test: tg.Dataset, seed: int) -> dict[str, float]:
    accuracy = {}
    for precision in ("float32", "mixed_bfloat16"):
        model = tg.TextClassifier("minilm", train.label_names, precision=precision, seed=seed)
        model.fit(train, ngrams=False, seed=seed)
        accuracy[precision] = model.evaluate(test)["accuracy"]
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        loaded = tg.load(Path(folder) / "model", precision="float32")
    accuracy["bfloat16_weights_in_float32"] = loaded.evaluate(test)["accuracy"]
    return accuracy


if __name__ == "__main__":
    main()
