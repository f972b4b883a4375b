"""Tables of the documentation that repeat what the code says."""

import re
from pathlib import Path

from textgraft.backbones.defaults import TRANSFORMER_DEFAULTS
from textgraft.backbones.families.word_vectors import WordVectors
from textgraft.training.config import HEAD_ONLY_DEFAULTS, TrainingConfig

TRAINING = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")


def row(start):
    """The cells of the first table row that begins so."""
    line = re.search(rf"^\| {re.escape(start)}.*$", TRAINING, re.MULTILINE)[0]
    return [cell.strip().replace(",", "") for cell in line.strip("|").split("|")][1:]


def test_the_defaults_of_training():
    families = TRANSFORMER_DEFAULTS, WordVectors.training_defaults
    for option, name in {"`--batch-size`": "batch_size", "`--batch-tokens`": "batch_tokens"}.items():
        assert [int(cell) for cell in row(option)[:2]] == [getattr(family, name) for family in families]
    assert [float(cell) for cell in row("`--learning-rate`")] == [
        *(family.learning_rate for family in families),
        HEAD_ONLY_DEFAULTS["learning_rate"],
    ]
    passes = [(family.epochs, family.patience) for family in families]
    assert row("`--epochs`") == [f"{epochs} {patience}" for epochs, patience in passes] + [
        f"{HEAD_ONLY_DEFAULTS['epochs']} 3"
    ]
    assert row("`--batch-size`")[2] == str(HEAD_ONLY_DEFAULTS["batch_size"])
    kinds = [(family.optimizer, family.schedule, family.clip_norm) for family in families]
    shown = zip(row("`--optimizer`"), row("`--schedule`"), row("`--clip-norm`"), strict=True)
    for (optimizer, schedule, norm), (cell, when, clip) in zip(kinds, shown, strict=False):
        assert cell.split()[0] == optimizer
        assert when.split()[0] == schedule
        assert float(clip.split()[0]) == norm
    plain = TrainingConfig()
    assert row("`--optimizer`")[0].split()[1] == str(plain.weight_decay)
    assert row("`--schedule`")[0].split()[1] == str(plain.warmup)
