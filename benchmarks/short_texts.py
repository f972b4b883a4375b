"""Short texts and a small model for benchmarks of many texts: questions of TREC, and static embeddings of minilm."""

import csv
import random
import shutil
from pathlib import Path

import textgraft as tg
from benchmarks.report import data_folder
from textgraft.tasks.distillation import distil_preset

_TRAINING_TEXTS = 500


def write_texts(path: Path, rows: int, seed: int = 0) -> Path:
    """Write a CSV file of ids and texts: a question, and the first word of another one; returns its path."""
    questions = [row.text for row in tg.load_dataset(data_folder() / "trec", split="train", label="label")]
    draw = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "text"])
        table.writerows([row, f"{draw.choice(questions)} {draw.choice(questions).split()[0]}"] for row in range(rows))
    return path


def save_static_model(folder: Path) -> Path:
    """Save a classifier of question types on static embeddings, without n-grams; returns its folder."""
    preset = folder.with_name("static")
    distil_preset("minilm").save(preset)
    train = tg.load_dataset(data_folder() / "trec", split=f"train[:{_TRAINING_TEXTS}]", label="label")
    model = tg.TextClassifier(str(preset), train.label_names)
    model.fit(train, fine_tune="none", ngrams=False, progress=False)
    model.save(folder)
    shutil.rmtree(preset)
    return folder
