"""Folders of sentence-transformers give its vectors, and what has no equivalent is refused by name."""

import json

import numpy as np
import pytest

import textgraft as tg
from tests.golden.sentence_folders import GOLDEN, VARIANTS, write_json, write_sentence_folder
from tests.golden.texts import SHORT
from tests.helpers import commands
from textgraft.backbones.presets import list_presets
from textgraft.backbones.sentence_transformers import SentenceTransformer
from textgraft.backbones.text_vectors import TextVectors, known_text_vectors
from textgraft.errors import ConfigError, PresetError

# do_lower_case lower-cases special tokens in a text too, which the reference does not.
TEXTS = [text for text in SHORT if "[SEP]" not in text]
_ROWS = [row for row, text in enumerate(SHORT) if "[SEP]" not in text]
with np.load(GOLDEN / "sentence_transformers.npz") as _file:
    EXPECTED = {name: _file[name][_ROWS] for name in _file.files if name != "made_with"}


def embed(folder, texts=TEXTS, **options):
    return tg.TextEmbedder(folder, "float32", **options).predict(texts)


@pytest.mark.parametrize(
    "name",
    [name if name in ("cls", "dense", "prompts") else pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS],
)
def test_vectors_equal_the_reference(name, tmp_path):
    folder = write_sentence_folder(tmp_path / "folder", name)
    embedder = tg.TextEmbedder(folder, "float32")
    np.testing.assert_allclose(embedder.predict(TEXTS), EXPECTED[name], atol=1e-5)
    # === So does what is saved, loaded, and embedded with again ===
    embedder.save(tmp_path / "model")
    np.testing.assert_allclose(tg.load(tmp_path / "model", "float32").predict(TEXTS), EXPECTED[name], atol=1e-5)
    if name == "dense":
        again = tg.TextEmbedder(tmp_path / "model", "float32", sequence_length=64)
        np.testing.assert_allclose(again.predict(TEXTS), EXPECTED[name], atol=1e-5)


def test_prompt_is_chosen_by_name_or_text(tmp_path):
    folder = write_sentence_folder(tmp_path / "folder", "prompts")
    np.testing.assert_allclose(embed(folder, prompt=""), EXPECTED["prompts without"], atol=1e-5)
    text = embed(folder, ["a b"], prompt="the film: ")
    np.testing.assert_allclose(text, embed(folder, ["a b"], prompt="query"), atol=1e-6)
    with pytest.raises(ConfigError, match="prompt 'qurey' is none of query, the prompts of"):
        embed(folder, prompt="qurey")


def test_classifier_pools_as_the_authors_do(tmp_path):
    folder = write_sentence_folder(tmp_path / "folder", "cls")
    architecture = tg.TextClassifier(folder, ["a", "b"], "float32").architecture
    assert (architecture.pooling, architecture.sequence_length) == ("cls", 16)
    assert tg.TextClassifier(folder, ["a", "b"], "float32", pooling="max").architecture.pooling == "max"


def test_command_says_how_texts_are_embedded(tmp_path):
    folder = write_sentence_folder(tmp_path / "folder", "prompts")
    (tmp_path / "texts.txt").write_text("a film\n")
    result = commands.run_successfully(
        "embed", folder, tmp_path / "texts.txt", "--out", tmp_path / "v.npy", "--no-normalize", "--prompt", "query"
    )
    assert f"{folder}: mean pooling, prompt 'The Film: '\n" in result.stderr
    assert np.linalg.norm(np.load(tmp_path / "v.npy")[0]) > 1.1


def a_module(kind, package="sentence_transformers.models."):
    def change(folder):
        entries = json.loads((folder / "modules.json").read_text())
        write_json(folder / "modules.json", [*entries, {"idx": 9, "name": "9", "path": "9_X", "type": package + kind}])

    return change


def pooling(**config):
    return lambda folder: write_json(folder / "1_Pooling" / "config.json", config)


def dense(**values):
    def change(folder):
        path = folder / "2_Dense" / "config.json"
        write_json(path, {**json.loads(path.read_text()), **values})

    return change


def settings(name, **values):
    return lambda folder: write_json(folder / name, values)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (settings("config_sentence_transformers.json", prompts=[1]), "prompts must be an object of strings"),
        (settings("config_sentence_transformers.json", prompts={"a": 1}), "prompts must be an object of strings"),
        (settings("config_sentence_transformers.json", default_prompt_name={}), "default_prompt_name a string"),
        (
            settings("sentence_bert_config.json", max_seq_length="x"),
            "max_seq_length must be a number of tokens, not 'x'",
        ),
        (settings("sentence_bert_config.json", max_seq_length=-1), "max_seq_length must be a number of tokens, not -1"),
        (pooling(pooling_mode=[{}]), "pooling_mode must be a string or a list of strings"),
        (a_module("LSTM"), "modules.json has the module sentence_transformers.models.LSTM, which"),
        (a_module("Normalize", "mine."), "has the module mine.Normalize"),
        (a_module("Dense"), "Normalize, Dense in this order"),
        (lambda folder: write_json(folder / "modules.json", [{"path": ""}]), "is not a list of modules"),
        (lambda folder: write_json(folder / "modules.json", {}), "is not a JSON array"),
        (pooling(pooling_mode="weightedmean"), "config.json: the pooling weightedmean is not supported"),
        (pooling(pooling_mode_cls_token=True, pooling_mode_max_tokens=True), "cls and max side by side"),
        (dense(activation_function="torch.nn.modules.activation.Mish"), "activation_function Mish is not supported"),
        (dense(use_residual=True), "a residual connection"),
        (dense(out_features="x"), "out_features must be an integer from 1 to"),
    ],
)
def test_module_without_an_equivalent_is_refused_by_name(harm, message, tmp_path):
    folder = write_sentence_folder(tmp_path / "folder", "dense")
    harm(folder)
    with pytest.raises(PresetError, match=message) as error:
        SentenceTransformer(folder)
    assert "\n" not in str(error.value)


def test_damaged_dense_layer_is_reported(tmp_path):
    folder = write_sentence_folder(tmp_path / "folder", "dense")
    with pytest.raises(ConfigError, match=r"pooling max does not suit .* its dense layers follow mean"):
        embed(folder, pooling="max")
    dense(out_features=23)(folder)
    with pytest.raises(PresetError, match=r"linear.weight has shape \(24, 32\), but config.json describes"):
        embed(folder)
    (folder / "2_Dense" / "model.safetensors").rename(folder / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(PresetError, match=r"pytorch_model.bin is not supported"):
        embed(folder)


def test_listed_sentence_encoders_pool_as_their_authors_do():
    known = {entry.name: known_text_vectors(entry.name) for entry in list_presets()}
    encoders = ("minilm", "bge", "e5", "mxbai")
    assert all(vectors for name, vectors in known.items() if any(part in name for part in encoders))
    assert (known["minilm"].pooling, known["minilm"].normalize) == ("mean", True)
    assert (known["bge_small_v1.5_zh"].pooling, known["bge_small_v1.5_zh"].normalize) == ("cls", True)
    assert known["multilingual_e5_small"].prompts["query"] == "query: "
    assert known["multi_qa_minilm_l6_dot_v1_en"] == TextVectors("cls")
    assert known["bert_base_zh"] is None
    assert known_text_vectors("kaggle://keras/bge/keras/bge_m3/1") == known["bge_m3"]
