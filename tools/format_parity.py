"""Compare models with their exports that take texts, on 2,000 texts: every family and task, in each such format.

    python -m tools.format_parity [--texts 2000] [--only "minilm labels"] [--out RESULTS.jsonl]
    python -m tools.format_parity --table RESULTS.jsonl

The networks are those of tests/golden, small and untrained; `minilm` has its genuine weights. Heads are random, and
their outputs differ from text to text. The texts are all those of the tests that break tokenizers, and reviews, news
and questions of the data sets. A wheel runs in a process that cannot import textgraft or TensorFlow.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder
from tests.golden.model2vec_folders import write_model2vec_folder
from tests.golden.texts import CHINESE, TEXTS
from tests.helpers.paths import GOLDEN
from textgraft import registry
from textgraft.data.golden_texts import GOLDEN_TEXTS
from textgraft.errors import ConfigError
from textgraft.evaluation.answer_comparison import decoded, relative_differences
from textgraft.export.format import FORMATS, ExportFormat
from textgraft.tasks.base import Task

MINILM = "minilm"
FORMAT_NAMES = ("savedmodel", "onnx", "wheel")
_LENGTH, _BATCH = 48, 16
_LABELS = ["bad", "good", "so so"]
_STRINGS = ("label", "labels", "text")  # answers that are strings

# Answers the texts of a file, which has batches of them, into another file.
_PROGRAM = """
import json, sys
import numpy as np

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"tensorflow", "keras", "keras_hub", "textgraft"}:
            raise ImportError(f"{name} is imported")

sys.meta_path.insert(0, Blocker())
import parity

batches = [[text if isinstance(text, str) else tuple(text) for text in texts] for texts in json.load(open(sys.argv[1]))]
answers = [{name: array.tolist() for name, array in parity.load().answers(texts).items()} for texts in batches]
json.dump(answers, open(sys.argv[2], "w"))
"""

Models = Mapping[str, Callable[..., Task]]


def _classifier(preset: Any, **options: Any) -> Task:
    return tg.TextClassifier(preset, **{"labels": _LABELS, "precision": "float32", **options})


MODELS: Models = {
    "labels": _classifier,
    "entities": lambda preset, **options: tg.TokenClassifier(preset, ["PER", "LOC"], precision="float32", **options),
    "vectors": lambda preset, **options: tg.TextEmbedder(preset, precision="float32", **options),
    "sets": lambda preset, **options: _classifier(preset, problem="multi-label", thresholds=[0.3, 0.5, 0.6], **options),
    "numbers": lambda preset, **options: _classifier(
        preset, labels=[], problem="regression", mean=50.0, scale=20.0, **options
    ),
    "pairs": lambda preset, **options: _classifier(preset, pairs=True, **options),
    "windows": lambda preset, **options: _classifier(preset, truncation="windows", **options),
}


def main() -> None:
    """Compare and print one JSON line for each model and format, or the table of such lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--only", default="", help="words in the name of a family or a task")
    parser.add_argument("--out", type=Path, help="file to which lines are appended; what it has is not repeated")
    parser.add_argument("--table", type=Path, help="print the table of such a file")
    options = parser.parse_args()
    if options.table:
        print(table([json.loads(line) for line in options.table.read_text().splitlines()]))
        return
    wanted = {*options.only.split()}
    old = options.out.read_text().splitlines() if options.out and options.out.exists() else []
    done = {(line["family"], line["task"]) for line in map(json.loads, old)}
    texts = parity_texts(options.texts)
    with tempfile.TemporaryDirectory() as folder:
        families = [*presets(Path(folder))]
        for task, (family, preset) in product(MODELS, families):
            if wanted <= {family, task} and (family, task) not in done:
                for result in compare(family, preset, task, texts):
                    print(json.dumps(result), flush=True)
                    if options.out:
                        with options.out.open("a") as file:
                            file.write(json.dumps(result) + "\n")


def presets(folder: Path) -> Iterator[tuple[str, Any]]:
    """The families and a preset of each, but of word vectors; BERT has three tokenizers.

    `folder` is for those that are made here.
    """
    for family in (*registry.names("backbones.families"), "bert_cased", "bert_chinese"):
        if family == "static_embeddings":
            yield family, write_model2vec_folder(folder / family, "word_piece")
        elif family != "word_vectors":
            yield family, GOLDEN / family
    yield MINILM, MINILM


def parity_texts(count: int) -> list[str]:
    """Texts, all nasty ones first."""
    nasty = [*dict.fromkeys([*TEXTS, *CHINESE, *GOLDEN_TEXTS])]
    others: list[str] = []
    for name, split in (("imdb", "test"), ("agnews", "test"), ("trec", "test")):
        data = tg.load_dataset(data_folder() / name, split=split, label="label")
        others += [row.text for row in data.split(min(0.5, count / len(data)), seed=0)[0]]
    step = max(1, len(others) // max(1, count - len(nasty)))
    return [*nasty, *others[::step]][:count]


def compare(family: str, preset: Any, task: str, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One result for each format."""
    length = 128 if family == MINILM else _LENGTH
    try:
        model = MODELS[task](preset, sequence_length=length)
    except ConfigError as error:
        yield {"family": family, "task": task, "format": "", "refused": str(error)}
        return
    inputs: list[Any] = sorted(texts, key=len)
    if model.pairs:
        inputs = [(text, other) for text, other in zip(inputs, reversed(inputs), strict=True)]
    _randomize_head(model, inputs[len(inputs) // 4 :: 8])
    start = time.monotonic()
    expected = _by_batch(model.reference_answers, inputs)
    seconds = time.monotonic() - start
    for to in FORMAT_NAMES:
        result = {"family": family, "task": task, "format": to, "texts": len(inputs)}
        start = time.monotonic()
        try:
            answers = exported_answers(model, to, inputs)
        except ConfigError as error:
            yield {**result, "refused": str(error)}
            continue
        yield {
            **result,
            **difference(answers, expected),
            "seconds": [round(seconds), round(time.monotonic() - start)],
        }


def exported_answers(model: Task, to: str, texts: Sequence[Any]) -> list[Mapping[str, np.ndarray]]:
    """The answers of an export, batch by batch."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "export"
        options = {"name": "parity", "version": "1.0"} if to == "wheel" else {}
        tg.export_model(model, folder, to, **options)
        if to == "wheel":
            return _wheel_answers(folder, texts)
        answer = registry.implementation(FORMATS, to, ExportFormat)().open(folder)
        return _by_batch(answer, texts)


def _wheel_answers(folder: Path, texts: Sequence[Any]) -> list[Mapping[str, np.ndarray]]:
    """The answers of a package in a process of its own."""
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    (folder / "texts.json").write_text(json.dumps(_by_batch(list, texts)))
    environment = {"PYTHONPATH": str(folder / "site"), "PATH": os.environ["PATH"]}
    program = [sys.executable, "-c", _PROGRAM, folder / "texts.json", folder / "answers.json"]
    subprocess.run(program, env=environment, check=True)
    answers = json.loads((folder / "answers.json").read_text())
    return [
        {name: np.array(values, object if name in _STRINGS else None) for name, values in batch.items()}
        for batch in answers
    ]


def difference(
    answers: Sequence[Mapping[str, np.ndarray]], expected: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, Any]:
    """The number of texts with another label, text, offset or flag, and the largest difference of numbers."""
    others, largest = 0, 0.0
    for batch, right in zip(answers, expected, strict=True):
        if batch.keys() != right.keys():
            raise SystemExit(f"answers {sorted(batch)} instead of {sorted(right)}")
        is_other = np.zeros(len(next(iter(right.values()))), bool)
        for name, values in right.items():
            values, found = decoded(np.asarray(values)), decoded(np.asarray(batch[name]))
            found = found[:, : values.shape[1]] if found.ndim > 1 else found  # entities are padded in each batch
            if found.shape != values.shape:
                is_other[:] = True
            elif values.dtype.kind == "f":
                largest = max(largest, float(relative_differences(found, values).max(initial=0)))
            else:
                is_other |= (found != values).reshape(len(values), -1).any(axis=1)
        others += int(is_other.sum())
    return {"other_answers": others, "largest_difference": largest}


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a row for each family, a column for each task, and in the cells a difference for each format."""
    cells: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        others = f" ({result['other_answers']} other)" if result.get("other_answers") else ""
        cell = "–" if "refused" in result else f"{result['largest_difference']:.0e}{others}".replace("e-0", "e-")
        cells[result["family"]][result["task"]].append(cell)
    header = ["family", *MODELS]
    rows = [[family, *(" / ".join(tasks.get(task, ["–"])) for task in MODELS)] for family, tasks in cells.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def _by_batch(answer: Callable[[Sequence[Any]], Any], texts: Sequence[Any]) -> list[Mapping[str, np.ndarray]]:
    return [answer(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]


def _randomize_head(model: Task, texts: Sequence[Any]) -> None:
    """Give the head random weights with outputs of mean 0 and deviation 1, except of an embedder."""
    if not model.pooled or model.output_map() is not None:
        kernel, bias = model.head.layers[-1].weights
        kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
        batches = (texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH))
        outputs = np.concatenate(
            [model.reference_outputs(batch) if model.pooled else _tag_logits(model, batch) for batch in batches]
        )
        kernel.assign(kernel / outputs.std(axis=0))
        bias.assign(-outputs.mean(axis=0) / outputs.std(axis=0))


def _tag_logits(model: Task, texts: Sequence[str]) -> np.ndarray:
    """Logits of the words of texts, (words, tags)."""
    (outputs,) = model.outputs([np.array([text.encode() for text in texts], object)])
    return np.asarray(outputs.values)


if __name__ == "__main__":
    main()
