"""The commands that are killed, one or several for each that writes, and what they read."""

import random
from pathlib import Path

from tools.chaos.downloads import FetchJob
from tools.chaos.exports import ExportJob
from tools.chaos.files import FileJob, PrintingJob
from tools.chaos.job import INPUTS, Job
from tools.chaos.models import TrainingJob
from tools.chaos.processes import Starter
from tools.chaos.searches import SearchJob
from tools.make_tiny_presets import make_tiny_bert, make_tiny_word_vectors

_WORDS = ["the", "a", "film", "was", "good", "bad", "fine", "dull", "not", "very", "it", "plot"]
_ROWS = {"train.csv": 200, "test.csv": 40, "texts.csv": 3000}

# Eight trials take long enough to be killed in; numbers of a tiny network, otherwise the default space.
_SPACE = """
fine_tune = ["none", "last:1", "all"]
sequence_length = 16
epochs = {low = 1, high = 3}
"""
_SIZES = "--layers 1 --width 16 --heads 2 --sequence-length 16 --vocabulary-size 300"

_BERT = f"--preset {INPUTS}/bert --precision float32"
_TRAIN = f"train {INPUTS}/train.csv --test {INPUTS}/test.csv --no-check {_BERT}"
_CLASSIFIER = f"{INPUTS}/classifier"

TRAIN = TrainingJob("train", _TRAIN)
TRAIN_WORDS = TrainingJob(
    "train word vectors",
    f"train {INPUTS}/train.csv --test {INPUTS}/test.csv --no-check --preset {INPUTS}/words --trust-savedmodel "
    "--optimizer adamw --batch-size 8 --precision float32",
)
EXPORT = ExportJob("onnx")
PREDICT = FileJob("predict", f"predict {_CLASSIFIER} {INPUTS}/texts.csv --columns text", "predictions.csv")

JOBS: tuple[Job, ...] = (
    TRAIN,
    TrainingJob("train over an older model", f"{_TRAIN} --hidden 8", overwrites=True),
    TrainingJob("train a head", f"{_TRAIN} --fine-tune none --head gradient --epochs 20"),
    TrainingJob("train the last block, with a log", f"{_TRAIN} --fine-tune last:1 --log csv"),
    TrainingJob("train lora", f"{_TRAIN} --fine-tune lora:2"),
    TRAIN_WORDS,
    TrainingJob("adapt", f"adapt {INPUTS}/bert {INPUTS}/train.csv --text text --epochs 3 --precision float32"),
    TrainingJob("pretrain", f"pretrain {INPUTS}/train.csv --text text --epochs 3 {_SIZES} --precision float32"),
    SearchJob(
        "tune", f"tune {INPUTS}/train.csv --test {INPUTS}/test.csv {_BERT} --space {INPUTS}/space.toml --trials 6"
    ),
    PREDICT,
    FileJob("predict over an older file", f"predict {_CLASSIFIER} {INPUTS}/texts.csv", "predictions.parquet", True),
    FileJob("predict a sheet", f"predict {_CLASSIFIER} {INPUTS}/texts.csv", "predictions.xlsx"),
    FileJob("evaluate", f"evaluate {_CLASSIFIER} {INPUTS}/test.csv", "results.jsonl"),
    FileJob("embed", f"embed {INPUTS}/bert {INPUTS}/texts.csv --precision float32", "vectors.npy"),
    FileJob("embed over an older file", f"embed {INPUTS}/bert {INPUTS}/texts.csv", "vectors.parquet", True),
    FetchJob("fetch", "bert"),
    EXPORT,
    ExportJob("savedmodel", is_reproducible=False),
    ExportJob("huggingface"),
    ExportJob("kerashub", is_reproducible=False),
    ExportJob("litert"),
    ExportJob("litert", f"--int8 --proof {INPUTS}/texts.csv"),
    ExportJob("wheel", "--name sentiment --version 1.0"),
    PrintingJob("generate", f"generate {INPUTS}/writer --file {INPUTS}/prompts.txt --max-new-tokens 10"),
)


def make_inputs(folder: Path, starter: Starter) -> None:
    """Write tiny presets, models and data into a new folder, `inputs`."""
    folder.mkdir()
    make_tiny_bert(folder / "bert", num_layers=2, activation="gelu_new")
    make_tiny_word_vectors(folder / "words")
    rng = random.Random(0)
    for name, rows in _ROWS.items():
        texts = [rng.choices(_WORDS, k=rng.randint(2, 9)) for _ in range(rows)]
        lines = [f"{' '.join(text)},{'yes' if 'good' in text or 'fine' in text else 'no'}" for text in texts]
        (folder / name).write_text("\n".join(["text,label", *lines]) + "\n")
    (folder / "space.toml").write_text(_SPACE)
    (folder / "prompts.txt").write_text("the film was\nit was\nnot a\n")
    data = f"{folder.name}/train.csv --precision float32 --epochs 1"
    models = (
        f"train {data} --preset {folder.name}/bert --pooling cls --out {folder.name}/classifier",
        f"pretrain {data} --text text --family gpt2 {_SIZES} --out {folder.name}/writer",
    )
    for arguments in models:
        command = starter.start(arguments.split(), folder.parent, {}, fork=True)
        if command.wait():
            raise RuntimeError(command.messages)
