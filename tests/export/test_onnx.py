"""ONNX exports: equal answers by other programs, and what is refused."""

import json
import shutil
import subprocess
import textwrap
from pathlib import Path

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.exports import TEXTS, sharpen, texts_of
from tests.helpers.families import TRANSFORMERS
from tests.helpers.paths import GOLDEN
from textgraft.engines.int8 import processor_kind
from textgraft.errors import ConfigError, ExportError

onnxruntime = pytest.importorskip("onnxruntime")
tokenizers = pytest.importorskip("tokenizers")

FAMILIES = [name for name in TRANSFORMERS if name != "bert"]
EACH_FAMILY = [pytest.param(name, marks=[] if name == "roberta" else pytest.mark.slow) for name in FAMILIES]
INPUTS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}


def run(folder, texts, network="onnx/model.onnx"):
    """The outputs by name, as a program computes them that knows ONNX Runtime and tokenizers only."""
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    session = onnxruntime.InferenceSession(str(folder / network), providers=["CPUExecutionProvider"])
    rows = tokenizer.encode_batch(texts)
    inputs = {item.name: np.array([getattr(row, INPUTS[item.name]) for row in rows]) for item in session.get_inputs()}
    return dict(zip([item.name for item in session.get_outputs()], session.run(None, inputs), strict=True))


def softmax(logits):
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def exported(calibrated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "model"
    assert tg.export_model(calibrated, folder, "onnx").needs == ()
    return folder


def test_softmax_of_the_logits_are_the_calibrated_probabilities(calibrated, exported):
    np.testing.assert_allclose(softmax(run(exported, TEXTS)["logits"]), calibrated.predict_proba(TEXTS), atol=1e-6)
    config = json.loads((exported / "config.json").read_text())
    assert config["id2label"] == {"0": "bad", "1": "good", "2": "so so"}
    assert tg.verify_export(exported).format == "onnx"


def test_attention_masks_make_answers_independent_of_padding(exported):
    (alone,), together = (run(exported, texts)["logits"] for texts in ([TEXTS[4]], [TEXTS[4], TEXTS[-1]]))
    np.testing.assert_allclose(together[0], alone, atol=1e-6)


@pytest.mark.parametrize(
    "kind",
    [
        "multi-label",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("pairs", "binary", "regression", "hidden")),
    ],
)
def test_each_kind_of_classifier_answers_as_in_python(of_kind, tmp_path, kind):
    model = of_kind(kind)
    needs = tg.export_model(model, tmp_path / "out", "onnx").needs
    assert needs == (("the thresholds in inference.json",) if kind == "multi-label" else ())
    texts = texts_of(model)
    logits = run(tmp_path / "out", texts)["logits"]
    if kind == "regression":
        np.testing.assert_allclose(logits[:, 0], model.predict(texts), rtol=1e-6)
    elif kind == "multi-label":
        np.testing.assert_allclose(1 / (1 + np.exp(-logits)), model.predict_proba(texts), atol=1e-6)
    else:
        np.testing.assert_allclose(softmax(logits), model.predict_proba(texts), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"prompt": "query: ", "normalize": True, "pooling": "mean"},
        *(pytest.param({"pooling": name}, marks=pytest.mark.slow) for name in ("cls", "max", "last", "sqrtn")),
        pytest.param(
            {"layers": [{"units": 8, "activation": "tanh", "use_bias": True}], "normalize": True},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_vectors_equal_those_of_the_embedder(tiny_bert, tmp_path, options):
    embedder = tg.TextEmbedder(tiny_bert, precision="float32", **options)
    needs = tg.export_model(embedder, tmp_path / "out", "onnx").needs
    assert needs == (("the prompt 'query: ' before each text",) if "prompt" in options else ())
    outputs = run(tmp_path / "out", [options.get("prompt", "") + text for text in TEXTS])
    assert list(outputs) == ["last_hidden_state", "sentence_embedding"]
    np.testing.assert_allclose(outputs["sentence_embedding"], embedder.predict(TEXTS), atol=1e-6)


def test_exported_embedder_is_read_as_a_folder_of_sentence_transformers(tiny_bert, tmp_path):
    layers = [{"units": 8, "activation": "tanh", "use_bias": True}]
    options = {"prompt": "query: ", "normalize": True, "pooling": "cls", "layers": layers, "sequence_length": 20}
    embedder = tg.TextEmbedder(tiny_bert, precision="float32", **options)
    tg.export_model(embedder, tmp_path / "out", "onnx")
    shutil.copy(tiny_bert / "model.safetensors", tmp_path / "out")  # which sentence-transformers does not need for ONNX
    copy = tg.TextEmbedder(tmp_path / "out", precision="float32")
    assert copy.settings() == embedder.settings()
    assert copy.architecture.sequence_length == 20
    np.testing.assert_allclose(copy.predict(TEXTS), embedder.predict(TEXTS), atol=1e-6)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("bert", {}),
        pytest.param("roberta", {"decoding": "free"}, marks=pytest.mark.slow),
        pytest.param("xlm_roberta", {"splitting": "edges"}, marks=pytest.mark.slow),
        pytest.param("bert", {"splitting": "characters", "hidden": (8,), "convolution": True}, marks=pytest.mark.slow),
    ],
)
def test_entities_are_decoded_as_in_python(family, options, tmp_path):
    model = tg.TokenClassifier(GOLDEN / family, ["PER", "LOC"], precision="float32", sequence_length=16, **options)
    sharpen(model)
    assert tg.export_model(model, tmp_path / "out", "onnx").largest_difference < 1e-5  # several rows per text
    record = json.loads((tmp_path / "out" / "textgraft.json").read_text())
    assert sum(record["answers"]["count"]) > 30
    (logits,) = run(tmp_path / "out", ["Ada met Charles"])["logits"]
    assert logits.shape[1] == 5


@pytest.mark.parametrize("family", EACH_FAMILY)
def test_each_family_of_transformers_is_exported(family, tmp_path):
    model = tg.TextClassifier(GOLDEN / family, ["x", "y"], precision="float32", sequence_length=24)
    sharpen(model)
    tg.export_model(model, tmp_path / "out", "onnx")
    np.testing.assert_allclose(softmax(run(tmp_path / "out", TEXTS)["logits"]), model.predict_proba(TEXTS), atol=1e-6)


def test_onnx_runtime_fuses_gelu_and_its_bias_and_computes_normalizations_as_one_operation(exported, tmp_path):
    onnx = pytest.importorskip("onnx")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(exported / "onnx/model.onnx"), options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node}
    assert "BiasGelu" in kinds
    assert kinds & {"LayerNormalization", "SkipLayerNormalization"}
    assert not kinds & {"Erf", "Tanh", "Pow", "ReduceMean"}


def test_int8_is_written_where_it_is_proved(of_kind, tmp_path, monkeypatch):
    model = of_kind("binary")
    with pytest.raises(ConfigError, match="no proof of int8 on this kind of processor"):
        tg.export_model(model, tmp_path / "out", "onnx", int8=True)
    monkeypatch.setitem(model.record, "int8", [{"processor": processor_kind(), "float32": [], "tables": True}])
    verification = tg.export_model(model, tmp_path / "out", "onnx", int8=True)
    assert model.engine == "tensorflow"
    folder = tmp_path / "out"
    record = json.loads((folder / "textgraft.json").read_text())
    assert set(record["answers"]) == {"label", "score", "labels", "scores", "int8_score", "int8_scores"}
    expected = record["answers"]["int8_scores"]
    scores = softmax(run(folder, record["texts"], "onnx/model_quantized.onnx")["logits"])
    np.testing.assert_allclose(scores, expected, atol=0.02)
    assert np.abs(np.array(expected) - record["answers"]["scores"]).max() > 1e-5  # it is another network
    assert (folder / "onnx/model_quantized.onnx").stat().st_size < (folder / "onnx/model.onnx").stat().st_size
    assert verification.largest_difference <= 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"truncation": "windows"}, "tokenizer.json cannot express truncation windows; export to wheel or savedmodel"),
        ({"truncation": "head+tail"}, "cannot express truncation head"),
        ({"cleaning": {"lowercase": True}}, r"cannot express cleaning \(lowercase\); export to wheel or"),
    ],
)
def test_what_the_folder_cannot_express_is_refused(tiny_bert, tmp_path, options, message):
    if "cleaning" in options:
        from textgraft.text.cleaning import Cleaning

        options = {"cleaning": Cleaning(**options["cleaning"])}
    model = tg.TextClassifier(tiny_bert, ["x", "y"], precision="float32", sequence_length=16, **options)
    with pytest.raises(ConfigError, match=message):
        tg.export_model(model, tmp_path / "out", "onnx")
    assert list(tmp_path.iterdir()) == []


def test_other_networks_and_options_are_refused(tiny_word_vectors, calibrated, tmp_path):
    classifier = tg.TextClassifier(tiny_word_vectors, ["x", "y"], precision="float32")
    with pytest.raises(ConfigError, match="cannot express word_vectors"):
        tg.export_model(classifier, tmp_path / "out", "onnx")
    with pytest.raises(ConfigError, match="format onnx has no option --name; drop it"):
        tg.export_model(calibrated, tmp_path / "out", "onnx", name="sentiment")
    with pytest.raises(ConfigError, match="format savedmodel has no option --int8; drop it"):
        tg.export_model(calibrated, tmp_path / "out", int8=True)


def test_altered_network_is_refused(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "copy")
    content = bytearray((folder / "onnx/model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "onnx/model.onnx").write_bytes(content)
    with pytest.raises(ExportError, match=r"model.onnx has been altered since the export"):
        tg.verify_export(folder)


_NODE = """
import {{ pipeline, env }} from {library};
env.allowRemoteModels = false;
env.localModelPath = {parent};
const classify = await pipeline("text-classification", {name}, {{ dtype: "fp32" }});
console.log(JSON.stringify(await classify({texts}, {{ top_k: null }})));
"""


@pytest.mark.slow
def test_transformers_js_answers_the_same(calibrated, exported, tmp_path):
    library = _transformers_js()
    tokenizer = tokenizers.Tokenizer.from_file(str(exported / "tokenizer.json"))
    tokenizer.no_truncation()
    # It drops the last special token of texts that it truncates, and lower-cases a final sigma by its position.
    texts = [text for text in TEXTS if text.strip() and "\u03a3" not in text and len(tokenizer.encode(text).ids) <= 32]
    assert len(texts) > 20
    program = _NODE.format(
        library=json.dumps(library.as_uri()),
        parent=json.dumps(f"{exported.parent}/"),
        name=json.dumps(exported.name),
        texts=json.dumps(texts),
    )
    (tmp_path / "program.mjs").write_text(textwrap.dedent(program))
    result = subprocess.run(
        ["node", tmp_path / "program.mjs"], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=200
    )
    assert result.returncode == 0, result.stderr[-2000:]
    answers = json.loads(result.stdout)
    expected = calibrated.predict_proba(texts)
    for row, scores in zip(answers, expected, strict=True):
        found = {item["label"]: item["score"] for item in row}
        np.testing.assert_allclose([found[label] for label in calibrated.labels], scores, atol=1e-5)


def _transformers_js() -> Path:
    """The module of transformers.js, in the folder TEXTGRAFT_NODE_MODULES; skips where it is absent."""
    import os

    if shutil.which("node") is None:
        pytest.skip("needs node")
    folder = Path(os.environ.get("TEXTGRAFT_NODE_MODULES", "node_modules")) / "@huggingface/transformers"
    if not folder.is_dir():
        pytest.skip("needs transformers.js: npm install @huggingface/transformers; export TEXTGRAFT_NODE_MODULES=...")
    return folder.absolute() / "dist/transformers.node.mjs"
