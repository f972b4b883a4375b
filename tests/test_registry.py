"""A folder is a registry, and other packages join by entry point."""

from importlib.metadata import EntryPoint

import pytest

from textgraft import registry
from textgraft.backbones.family import Family
from textgraft.errors import ConfigError


def test_a_name_is_a_file():
    assert "bert" in registry.names("backbones.families")
    assert {"feature_extraction", "text_classification", "token_classification"} <= set(registry.names("task_specs"))
    assert {"csv", "jsonl", "parquet"} <= set(registry.names("data.formats"))


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ConfigError, match="bert"):
        registry.load("backbones.families", "mystery")


def test_an_entry_point_joins(monkeypatch):
    point = EntryPoint("guest", "textgraft.backbones.families.bert", "textgraft.backbones")
    monkeypatch.setattr(registry, "entry_points", lambda group, name="guest": [point] if name == "guest" else [])
    registry.names.cache_clear()
    try:
        assert "guest" in registry.names("backbones.families")
        assert registry.implementation("backbones.families", "guest", Family).name == "bert"
    finally:
        registry.names.cache_clear()
