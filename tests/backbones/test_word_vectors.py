"""Word vectors against the module's own output, and the files they are read from."""

import gzip
import json
from collections import Counter
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tools.make_hub_module import TextEmbedding, make_hub_module

import textgraft as tg
from tests.helpers.nasty_texts import NASTY
from textgraft.backbones import presets
from textgraft.backbones.families.word_vectors import WordVectorFamily
from textgraft.backbones.word_vectors import WordVectors
from textgraft.errors import PresetError
from textgraft.tokenizers import flat_graph, id_graph
from textgraft.tokenizers.graph_def import ALLOWED_OPS

WORDS = ["the", "film", "good", "a", "Hello", "World", "it", "東京", "don't", "cliché", "😀"]


load_backbone = partial(presets.load_backbone, trust_savedmodel=True)


def embed(folder, texts, **options):
    return tg.TextEmbedder(folder, precision="float32", trust_savedmodel=True, **options).predict(texts)


@pytest.fixture(
    scope="module",
    params=[(True, 5), *(pytest.param(case, marks=pytest.mark.slow) for case in ((False, 1), (True, 1), (False, 5)))],
    ids=str,
)
def module(request, tmp_path_factory):
    normalize, buckets = request.param
    folder = tmp_path_factory.mktemp("hub") / "module"
    vectors = np.random.default_rng(0).normal(size=(len(WORDS) + buckets, 7)).astype(np.float32)
    make_hub_module(folder, WORDS, vectors, buckets, normalize)
    return folder


@pytest.mark.parametrize("module", [(True, 5), (False, 1)], indirect=True, ids=str)
def test_vectors_equal_the_module(module):
    own = tf.saved_model.load(str(module))
    model = tg.TextEmbedder(module, precision="float32", trust_savedmodel=True)
    nasty = [text for text in NASTY if len(text.split(" ")) < 5000]
    for texts in (nasty, [""], ["  "], ["the  film"], ["!?"], ["unknown"], ["", "", ""]):
        expected = own(tf.constant([text.encode() for text in texts]))
        np.testing.assert_allclose(model.predict(texts), expected, atol=1e-6)


def test_vectors_of_5000_words_equal_the_module(module):
    own, text = tf.saved_model.load(str(module)), "a " * 5000
    np.testing.assert_allclose(embed(module, [text]), own(tf.constant([text])), rtol=2e-4)


def test_sparse_products_run_on_the_cpu(module):
    """A GPU's sparse products differ from run to run, or, where that is not allowed, there are none."""
    model = tg.TextClassifier(module, ["a", "b"], precision="float32", trust_savedmodel=True)

    @tf.function(input_signature=[model.input_spec])
    def gradient(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model.pool(rows, training=True))
        return tape.gradient(loss, model.backbone.token_embedding.vectors.value)

    operations = [one for one in gradient.get_concrete_function().graph.get_operations() if "Sparse" in one.type]
    assert {one.type for one in operations} >= {"SparseMatrixMatMul", "SparseTensorToCSRSparseMatrix"}
    assert {one.device for one in operations} == {"/device:CPU:*"}


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_vectors_of_reviews_equal_the_module(real_data, tmp_path, count):
    texts = pq.read_table(real_data / "imdb" / "train.parquet", columns=["text"])["text"].to_pylist()[:count]
    words = [word for word, _ in Counter(word for text in texts for word in text.split()).most_common(5000)]
    vectors = np.random.default_rng(0).normal(scale=0.1, size=(5003, 50)).astype(np.float32)
    for normalize in (True, False):
        folder = tmp_path / f"module-{normalize}"
        make_hub_module(folder, words, vectors, 3, normalize)
        own = tf.saved_model.load(str(folder))
        expected = np.concatenate([own(tf.constant(texts[i : i + 500])) for i in range(0, len(texts), 500)])
        np.testing.assert_allclose(embed(folder, texts), expected, rtol=1e-6, atol=1e-6)


SENTENCES = [tf.TensorSpec([None], tf.string)]


class Inline(TextEmbedding):
    """Splits in the same function."""

    separator, fill = " ", True

    @tf.function(input_signature=SENTENCES)
    def __call__(self, sentences):
        tokens = tf.strings.split(sentences, self.separator).to_sparse()
        if self.fill:
            tokens, _ = tf.sparse.fill_empty_rows(tokens, "")
        ids = tf.SparseTensor(tokens.indices, self.ids_of(tokens.values), tokens.dense_shape)
        return tf.nn.safe_embedding_lookup_sparse(self.embeddings, ids, None, combiner="sqrtn")

    def ids_of(self, tokens):
        return self._table.lookup(tokens)


class Unfilled(Inline):
    """Gives zeros for an empty text; its graph looks up word 0 there."""

    separator, fill = None, False


class TwoTables(Inline):
    def ids_of(self, tokens):
        initializer = tf.lookup.KeyValueTensorInitializer(["a"], tf.constant([1], tf.int64))
        self.second = tf.lookup.StaticHashTable(initializer, 0)
        return tf.maximum(self._table.lookup(tokens), self.second.lookup(tokens))


class Projected(TextEmbedding):
    """Does something to the vectors."""

    @tf.function(input_signature=SENTENCES)
    def __call__(self, sentences):
        return tf.tanh(super().__call__(sentences))


def save(kind, folder, dtype=np.float32):
    """A module of some kind, saved."""
    vocabulary = folder / "tokens.txt"
    vocabulary.write_text("".join(f"{word}\n" for word in WORDS))
    vectors = np.random.default_rng(0).normal(size=(len(WORDS) + 2, 7)).astype(dtype)
    module = kind(vocabulary, vectors, 2, normalize=True)
    tf.saved_model.save(module, str(folder / "module"))
    return module


@pytest.mark.parametrize("kind", [Inline, TextEmbedding])
@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
def test_modules_of_other_exporters_are_read(tmp_path, kind, dtype):
    own, texts = save(kind, tmp_path, dtype), ["the film", "", "unknown, good", " "]
    np.testing.assert_allclose(embed(tmp_path / "module", texts), own(tf.constant(texts)), atol=1e-6)


def test_module_with_a_signature_only_is_read(tmp_path):
    own, texts = save(TextEmbedding, tmp_path), ["the film", "", "unknown, good", " "]
    holder = tf.train.Checkpoint(inner=own)
    tf.saved_model.save(holder, str(tmp_path / "holder"), signatures=own.__call__)
    np.testing.assert_allclose(embed(tmp_path / "holder", texts), own(tf.constant(texts)), atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "message"),
    [(Unfilled, "not the sqrtn"), (Projected, "not the sqrtn"), (TwoTables, "2 tables, expected 1")],
)
def test_module_with_other_computations_is_refused(tmp_path, kind, message):
    save(kind, tmp_path)
    with pytest.raises(PresetError, match=message):
        load_backbone(tmp_path / "module")


@pytest.mark.parametrize("op", sorted(flat_graph.OUTPUTS.keys() | ALLOWED_OPS))
def test_output_names_of_ops_equal_tensorflow(op):
    from tensorflow.python.framework import op_def_registry

    names = tuple(output.name for output in op_def_registry.get(op).output_arg)
    assert flat_graph.OUTPUTS.get(op, names[:1]) == names


def test_words_of_any_bytes_are_saved(module, tmp_path):
    words = [b"a\r", b"\xff\xfe", b"", "東京".encode(), b"b\r\n"[:2], b"last"]
    backbone = load_backbone(module)
    config = {"rows": 7, "dim": 2, "pooling": "sqrtn"}
    first = WordVectors(id_graph.trace_whitespace_splitting(), words, config, backbone.origin)
    for name, content in first.assets().items():
        (tmp_path / name).write_bytes(content)
    second = WordVectors.from_config(WordVectorFamily(), first.config(), tmp_path, backbone.origin, "float32")
    assert second.assets() == first.assets()
    assert second.tokenize(tf.constant([b"last \xff\xfe other"])).to_list() == [[5, 1, 6]]
    assert [second.token(number) for number in (1, 5, 6)] == ["\ufffd\ufffd", "last", "<oov 0>"]


def test_tokenizer_can_be_exported_in_a_saved_model(module, tmp_path):
    backbone = load_backbone(module)
    assets = backbone.assets()
    served = tf.Module()
    served.ids = id_graph.IdGraph(assets["tokenizer.pb"], assets["vocab.txt"].splitlines(), "tokenizer.pb")
    served.tokenize = tf.function(lambda texts: served.ids(texts).to_tensor(-1), input_signature=SENTENCES)
    tf.saved_model.save(served, str(tmp_path))
    texts = tf.constant(["the film", "", "unknown good it"])
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_array_equal(loaded.tokenize(texts), backbone.tokenize(texts).to_tensor(-1))


def test_data_pipeline_gives_the_same_ids(module):
    backbone, texts = load_backbone(module), ["the film", "", "unknown good it"]
    rows = tf.data.Dataset.from_tensor_slices(texts).batch(2).map(backbone.tokenize)
    assert [row for batch in rows for row in batch.to_list()] == backbone.tokenize(tf.constant(texts)).to_list()


def test_table_is_float32_in_any_precision(module):
    rows = {name: np.ones((1, 2), np.int32) for name in ("token_ids", "padding_mask")}
    backbone = load_backbone(module, "mixed_bfloat16")
    assert backbone.network(rows).dtype == tf.float32
    assert backbone.network.weights[0].dtype == "float32"


def test_used_rows_of_the_table_are_trained(module):
    backbone = load_backbone(module)
    assert len(backbone.network.trainable_variables) == 1
    data = tg.Dataset.from_lists(["good film", "a film", "unknown good", "it it"] * 4, ["x", "y"] * 8)
    model = tg.TextClassifier(backbone, ["x", "y"], precision="float32")
    before = backbone.network.get_weights()[0]
    model.fit(data, validation=data, epochs=1, batch_size=4)
    moved = np.abs(backbone.network.get_weights()[0] - before).max(axis=1) > 0
    assert moved[WORDS.index("good")]
    assert moved[WORDS.index("it")]
    assert not moved[WORDS.index("東京")]


def test_model_folder_does_not_need_the_module(module, tmp_path):
    model = tg.TextClassifier(module, ["x", "y"], precision="float32", hidden=(4,), trust_savedmodel=True)
    model.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model", precision="float32")
    np.testing.assert_array_equal(loaded.predict_proba(NASTY), model.predict_proba(NASTY))
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["architecture"]["pooling"] == "sqrtn"
    assert str(module) not in (tmp_path / "model" / "tokenizer.pb").read_bytes().decode("latin-1")


def test_stored_graph_is_deterministic(module):
    assert load_backbone(module).assets() == load_backbone(module).assets()
    assert id_graph.trace_whitespace_splitting() == id_graph.trace_whitespace_splitting()


def graph_with(op):
    graph = tf.compat.v1.GraphDef()
    graph.node.add(name="harmless", op="StringLower")
    graph.node.add(name="harm", op=op)
    return graph.SerializeToString()


@pytest.mark.parametrize("op", ["ReadFile", "WriteFile", "PyFunc", "EagerPyFunc", "PartitionedCall", "VarHandleOp"])
def test_stored_graph_with_another_op_is_refused(op):
    with pytest.raises(PresetError, match=op):
        id_graph.IdGraph(graph_with(op), [b"a"], "tokenizer.pb")


def test_stored_graph_with_functions_is_refused():
    graph = tf.compat.v1.GraphDef()
    graph.library.function.add().signature.name = "hidden"
    with pytest.raises(PresetError, match="functions"):
        id_graph.IdGraph(graph.SerializeToString(), [b"a"], "tokenizer.pb")


def test_stored_graph_with_a_huge_constant_is_refused():
    graph = tf.compat.v1.GraphDef()
    tensor = graph.node.add(name="huge", op="Const").attr["value"].tensor
    tensor.int_val.append(1)
    for size in (2**11, 2**10):
        tensor.tensor_shape.dim.add(size=size)
    with pytest.raises(PresetError, match="constant values"):
        id_graph.IdGraph(graph.SerializeToString(), [b"a"], "tokenizer.pb")


@pytest.mark.parametrize("graph", [b"", b"half", graph_with("Tile")])
def test_damaged_graph_is_reported_in_one_line(graph):
    with pytest.raises(PresetError, match=r"tokenizer.pb cannot be read: [^\n]+$"):
        id_graph.IdGraph(graph, [b"a"], "tokenizer.pb")


class Doubler(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    def __call__(self, x):
        return 2 * x


class Lengths(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, texts):
        return tf.cast(tf.strings.length(texts), tf.float32)[:, None]


@pytest.mark.parametrize(("kind", "message"), [(Doubler, "no function from strings"), (Lengths, "ResourceGather")])
def test_other_module_is_refused(tmp_path, kind, message):
    tf.saved_model.save(kind(), str(tmp_path))
    with pytest.raises(PresetError, match=message):
        load_backbone(tmp_path)


def test_damaged_module_is_reported(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"half")
    with pytest.raises(PresetError, match="cannot read the SavedModel"):
        load_backbone(tmp_path)


GLOVE = "good 1 0.5\nbad -1 2e-1\ngood 9 9\n. . 3 4\n"


@pytest.mark.parametrize("header", ["", "4 2\n"], ids=["glove", "word2vec"])
@pytest.mark.parametrize(
    "suffix", [".txt", ".vec.gz", *(pytest.param(suffix, marks=pytest.mark.slow) for suffix in (".vec", ".txt.gz"))]
)
def test_text_file_is_read(tmp_path, header, suffix):
    path = tmp_path / f"vectors{suffix}"
    content = (header + GLOVE).encode()
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    texts = ["good", "bad good", " good\n bad  ", "unknown good", "unknown", ""]
    expected = [[1, 0.5], [0, 0.35], [0, 0.35], [0.5, 0.25], [0, 0], [0, 0]]
    np.testing.assert_allclose(embed(path, texts), expected, atol=1e-6)
    backbone = load_backbone(path)
    assert [backbone.token(number) for number in range(4)] == ["good", "bad", ". .", "<oov 0>"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("good 1 2\nbad 1\n", "line 2"),
        ("good 1 2\nbad 1 two\n", "line 2"),
        ("good 1 nan\n", "line 1"),
        ("3 2\ngood 1\n", "line 2"),
        ("3 2\ngood 1 2\nbad 3 4\n", "has 2 words, but 3 according to its first line"),
        ("good 1 2\nbad 1 2 3\n", "line 2"),
        ("good\t1 2\n", "line 1"),
        ("good\n", "line 1"),
        ("", "no word vectors"),
    ],
)
def test_malformed_text_file_is_reported(tmp_path, content, message):
    (tmp_path / "vectors.txt").write_text(content)
    with pytest.raises(PresetError, match=message):
        load_backbone(tmp_path / "vectors.txt")


def test_incomplete_gzip_file_is_reported(tmp_path):
    path = tmp_path / "vectors.txt.gz"
    path.write_bytes(gzip.compress(GLOVE.encode() * 100)[:-20])
    with pytest.raises(PresetError, match="not a complete gzip file"):
        load_backbone(path)


def test_words_need_not_be_utf_8(tmp_path):
    (tmp_path / "vectors.txt").write_bytes(b"caf\xe9 1 2\r\ngood 3 4\r\n")
    backbone = load_backbone(tmp_path / "vectors.txt")
    assert backbone.tokenize(tf.constant([b"good caf\xe9"])).to_list() == [[1, 0]]
    np.testing.assert_array_equal(backbone.network.get_weights()[0], [[1, 2], [3, 4], [0, 0]])


def test_address_is_found_in_the_hub_cache(module, tmp_path, monkeypatch):
    import hashlib
    import shutil

    address = "https://tfhub.dev/google/nnlm-en-dim50/2"
    shutil.copytree(module, tmp_path / hashlib.sha1(address.encode()).hexdigest())
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    for preset in (address, "nnlm-en-dim50"):
        np.testing.assert_array_equal(embed(preset, ["the film"]), embed(module, ["the film"]))


@pytest.fixture
def online(monkeypatch, tmp_path):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.delenv("TEXTGRAFT_OFFLINE")
    return monkeypatch


@pytest.mark.parametrize("preset", ["nnlm-en-dim50", "https://tfhub.dev/google/nnlm-en-dim50/2"])
def test_missing_module_is_downloaded_from_kaggle(module, online, preset):
    import kagglehub

    asked = []
    online.setattr(kagglehub, "model_download", lambda handle: (asked.append(handle), str(module))[1])
    np.testing.assert_array_equal(embed(preset, ["the film"]), embed(module, ["the film"]))
    assert asked == ["google/nnlm/tensorFlow2/en-dim50/1"]


def test_other_version_of_a_module_is_not_replaced_by_the_known_one(online):
    with pytest.raises(PresetError, match=r"nnlm-en-dim50/1 is not in the TF-Hub cache"):
        load_backbone("https://tfhub.dev/google/nnlm-en-dim50/1")


def test_network_error_is_reported_in_one_line(online):
    import kagglehub

    def unreachable(handle):
        raise OSError("no route to host\nand more")

    online.setattr(kagglehub, "model_download", unreachable)
    with pytest.raises(PresetError, match=r"cannot be downloaded from Kaggle \(no route to host\)") as error:
        load_backbone("nnlm-en-dim50")
    assert "\n" not in str(error.value)
