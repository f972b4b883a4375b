"""Exports of models with n-grams: with them, or the network alone."""

import json
from contextlib import suppress

import numpy as np
import pytest

import textgraft as tg
from textgraft.data.golden_texts import GOLDEN_TEXTS
from textgraft.errors import ConfigError
from textgraft.export.network_alone import network_alone


@pytest.mark.parametrize("format", ["onnx", "huggingface", "litert"])
def test_formats_of_networks_name_the_option(with_ngrams, tmp_path, format):
    if format == "litert":
        pytest.importorskip("ai_edge_litert")
    message = f"format {format} has no n-grams; choose savedmodel or wheel, or .*: --without-ngrams"
    with pytest.raises(ConfigError, match=message):
        tg.export_model(with_ngrams, tmp_path / "out", format)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["onnx", "huggingface", pytest.param("litert", marks=pytest.mark.slow)])
def test_network_alone_has_a_temperature_of_its_own(with_ngrams, tmp_path, format):
    if format == "litert":
        pytest.importorskip("ai_edge_litert")
    texts = list(GOLDEN_TEXTS)
    expected = with_ngrams.predict_proba(texts)
    verification = tg.export_model(with_ngrams, tmp_path / "out", format, without_ngrams=True)
    assert verification.left_out == tg.verify_export(tmp_path / "out").left_out == ("n-grams",)
    record = json.loads((tmp_path / "out" / "textgraft.json").read_text())
    ngrams = with_ngrams.ngrams.model.logits(np.array([text.encode() for text in texts], object))
    network = with_ngrams.reference_outputs(texts) - ngrams
    scores = np.array(record["answers"]["scores"])
    np.testing.assert_allclose(scores[:, 1:], 1 / (1 + np.exp(-network / 2.5)), atol=1e-5)
    np.testing.assert_array_equal(with_ngrams.predict_proba(texts), expected)  # the model itself is unchanged
    if format == "huggingface":
        assert "without the n-grams beside it" in (tmp_path / "out" / "README.md").read_text()


def test_option_without_effect_is_refused(calibrated, with_ngrams, tmp_path):
    with pytest.raises(ConfigError, match="this model has no n-grams; drop --without-ngrams"):
        tg.export_model(calibrated, tmp_path / "out", "onnx", without_ngrams=True)
    with pytest.raises(ConfigError, match="int8 was proved for network and n-grams together; drop --int8 or"):
        tg.export_model(with_ngrams, tmp_path / "out", "onnx", without_ngrams=True, int8=True)


def test_promises_of_both_together_are_not_those_of_the_network_alone(with_ngrams, monkeypatch):
    monkeypatch.setitem(with_ngrams.objective.promises, "coverage", {"target": 0.9})
    with network_alone(with_ngrams) as left_out:
        assert left_out == ["n-grams", "promised coverage"]


def test_model_has_its_ngrams_again_after_an_error(with_ngrams):
    ngrams, temperature = with_ngrams.ngrams, with_ngrams.objective.temperature
    with suppress(KeyboardInterrupt), network_alone(with_ngrams):
        assert (with_ngrams.ngrams, with_ngrams.objective.temperature) == (None, 2.5)
        raise KeyboardInterrupt
    assert (with_ngrams.ngrams, with_ngrams.objective.temperature) == (ngrams, temperature)
