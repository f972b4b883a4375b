"""Training a TF-Hub module's table as the legacy program does; see tools/make_hub_golden.py."""

import numpy as np
from tools.make_hub_module import make_hub_module

import textgraft as tg
from tests.helpers.paths import GOLDEN
from textgraft.tasks.texts import as_batches
from textgraft.training.config import TrainingConfig
from textgraft.training.embedding_subset import EmbeddingSubset
from textgraft.training.examples import Examples
from textgraft.training.step import Network, TrainingStep

RATE = 1e-2


def test_fifty_steps_change_the_table_as_the_legacy_program_changes_it(tmp_path):
    golden = np.load(GOLDEN / "hub_training.npz")
    rows = len(golden["vectors"])
    words = golden["words"].tolist()
    make_hub_module(tmp_path / "module", words, golden["vectors"], rows - len(words), normalize=True)
    model = tg.TextClassifier(
        tmp_path / "module", ["no", "yes"], precision="float32", hidden=(16,), dropout=0, trust_savedmodel=True
    )
    layers = {name: model.head.get_layer(layer) for name, layer in (("hidden", "hidden_0"), ("logits", "logits"))}
    for name, layer in layers.items():
        layer.set_weights([golden[name], np.zeros(golden[name].shape[1], np.float32)])

    tokens = model.tokenize(as_batches(golden["texts"].tolist()))
    compact = EmbeddingSubset(model.backbone.token_embedding, tokens.ids, tokens.ids[:0], weight_decay=0.0)
    network = Network(model.model, model.forward, model.objective, embedding_subset=compact)
    config = TrainingConfig(optimizer="adam", clip_norm=0.0, learning_rate=RATE, batch_tokens=1 << 20)
    step = TrainingStep(network, Examples(tokens, golden["targets"]), config)
    for number, chosen in enumerate(golden["order"]):
        step(chosen, RATE, number)
    compact.write_back(np.full(len(golden["order"]), RATE))

    table = model.backbone.token_embedding.vectors.numpy()
    np.testing.assert_allclose(table, golden["vectors_after"], atol=1e-5)
    for name, layer in layers.items():
        kernel, bias = layer.get_weights()
        np.testing.assert_allclose(kernel, golden[f"{name}_after"], atol=1e-5)
        np.testing.assert_allclose(bias, golden[f"{name}_bias_after"], atol=1e-5)
    unmoved = (table == golden["vectors"]).all(axis=1)
    assert 0 < unmoved.sum() < len(table)
