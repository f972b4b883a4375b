"""A package is a registry, and other distributions add entries by entry point."""

from importlib.metadata import EntryPoint

import pytest

from textgraft import registry
from textgraft.backbones.family import Family
from textgraft.errors import ConfigError


@pytest.mark.parametrize(
    ("package", "entries"),
    [
        ("backbones.families", {"bert", "word_vectors"}),
        ("data.formats", {"csv", "jsonl", "parquet"}),
        ("task_specs", {"feature_extraction", "text_classification", "token_classification"}),
    ],
)
def test_entries_are_the_modules_of_the_package(package, entries):
    assert entries <= set(registry.names(package))


def test_unknown_name_is_reported_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown family 'mystery'; choose one of albert, bert"):
        registry.implementation("backbones.families", "mystery", Family)


@pytest.fixture
def clear_caches():
    yield lambda: (registry.names.cache_clear(), registry._entry_points.cache_clear())
    registry.names.cache_clear()
    registry._entry_points.cache_clear()


def test_entry_point_adds_an_entry(monkeypatch, clear_caches):
    point = EntryPoint("guest", "textgraft.backbones.families.bert", "textgraft.backbones.families")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    clear_caches()
    assert "guest" in registry.names("backbones.families")
    assert registry.implementation("backbones.families", "guest", Family).name == "bert"
