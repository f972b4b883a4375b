"""Training config: invalid values are refused by name, and few texts get more epochs."""

import pytest

from textgraft.backbones.training_defaults import TRANSFORMER_DEFAULTS
from textgraft.errors import ConfigError
from textgraft.training.config import TrainingConfig
from textgraft.training.epochs import enough_epochs


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fine_tune", "some"), ("optimizer", "sgd"), ("schedule", "cosine"), ("epochs", 0), ("batch_size", 0),
        ("learning_rate", 0.0), ("learning_rate", -1.0), ("learning_rate", float("nan")), ("warmup", 1.5),
        ("weight_decay", -1.0), ("clip_norm", -1.0), ("patience", 0), ("seed", -1),
    ],
)  # fmt: skip
def test_invalid_value_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name):
        TrainingConfig(**{name: value})


def test_defaults_replace_none_only():
    config = TrainingConfig(epochs=7, metric="accuracy").with_defaults(TRANSFORMER_DEFAULTS)
    assert config.epochs == 7
    assert config.learning_rate == TRANSFORMER_DEFAULTS.learning_rate


@pytest.mark.parametrize(("rows", "epochs"), [(10_000, 3), (800, 3), (500, 4), (58, 25), (14, 100), (0, 100)])
def test_few_rows_get_more_epochs(rows, epochs):
    """At least a hundred steps of 16 rows."""
    assert enough_epochs(3, rows, 16, 100) == epochs
    assert enough_epochs(200, rows, 16, 100) == 200
