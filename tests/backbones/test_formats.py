"""The formats that transformers are published in: what is read alike from each, and what is refused."""

import json
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import save_file

import textgraft as tg
from tests.golden.texts import SHORT
from tests.helpers.paths import GOLDEN
from tests.helpers.preset_folders import change_config, classic_word_piece, split_in_two, weights_of, write_release
from textgraft.backbones.presets import load_backbone
from textgraft.errors import PresetError, TextgraftWarning
from textgraft.tasks.feature_extraction import TextEmbedder
from tokenizers import AddedToken, Tokenizer

TEXTS = SHORT[:12]


@pytest.fixture
def copied(tmp_path):
    return lambda family, name="copy": shutil.copytree(GOLDEN / family, tmp_path / name)


def vectors(preset):
    return TextEmbedder(preset, precision="float32").predict(TEXTS)


def assert_same_network(preset, other):
    one, two = load_backbone(preset), load_backbone(other)
    assert one.config() == two.config()
    for weight, expected in zip(one.network.weights, two.network.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), expected.numpy(), err_msg=weight.path)


def test_weights_in_several_files_are_read(copied):
    folder = copied("roberta")
    split_in_two(folder)
    assert_same_network(folder, GOLDEN / "roberta")


@pytest.mark.parametrize(
    ("family", "prefix", "head"),
    [
        ("bert", "bert.", "cls.predictions.bias"),
        ("gpt2", "transformer.", "lm_head.weight"),
        pytest.param("roberta", "roberta.", "lm_head.dense.weight", marks=pytest.mark.slow),
        pytest.param("distil_bert", "distilbert.", "vocab_projector.bias", marks=pytest.mark.slow),
        pytest.param("albert", "albert.", "predictions.bias", marks=pytest.mark.slow),
        pytest.param("electra", "electra.", "discriminator_predictions.dense.bias", marks=pytest.mark.slow),
        pytest.param("deberta_v3", "deberta.", "lm_predictions.lm_head.bias", marks=pytest.mark.slow),
    ],
)
def test_backbone_with_a_head_is_read(copied, family, prefix, head):
    folder = copied(family)
    weights = {f"{prefix}{name}": weight for name, weight in weights_of(folder).items()}
    save_file({**weights, head: np.zeros(3, np.float32)}, folder / "model.safetensors")
    assert_same_network(folder, GOLDEN / family)


def test_pooler_is_optional(copied):
    folder = copied("bert")
    weights = {name: weight for name, weight in weights_of(folder).items() if not name.startswith("pooler.")}
    assert len(weights) < len(weights_of(folder))
    save_file(weights, folder / "model.safetensors")
    assert_same_network(folder, GOLDEN / "bert")


def test_bfloat16_weights_are_read(copied):
    import ml_dtypes

    folder, same = copied("bert"), copied("bert", "same")
    rounded = {name: weight.astype(ml_dtypes.bfloat16) for name, weight in weights_of(folder).items()}
    save_file({name: weight.astype(np.float32) for name, weight in rounded.items()}, same / "model.safetensors")
    header, data, end = {}, [], 0
    for name, weight in rounded.items():
        data.append(weight.tobytes())
        offsets, end = [end, end + weight.nbytes], end + weight.nbytes
        header[name] = {"dtype": "BF16", "shape": list(weight.shape), "data_offsets": offsets}
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + b"".join(data))
    assert_same_network(folder, same)


def test_epsilon_is_used_and_saved(copied, tmp_path):
    import textgraft as tg

    folder = copied("bert")
    change_config(folder, layer_norm_eps=0.5)
    found = vectors(folder)
    assert np.abs(found - vectors(GOLDEN / "bert")).max() > 0.01
    TextEmbedder(folder, precision="float32").save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model", precision="float32")
    np.testing.assert_array_equal(loaded.predict(TEXTS), found)


@pytest.mark.parametrize("family", ["bert", "gpt2", "deberta_v3"])
def test_missing_unknown_and_misshapen_tensors_are_reported(copied, family):
    folder = copied(family)
    weights = weights_of(folder)
    name = max(name for name in weights if name.endswith("weight") and "pooler" not in name)
    surprise = f"{name}.surprise"
    for harmed, message in (
        ({other: weight for other, weight in weights.items() if other != name}, f"{name} is missing"),
        ({**weights, surprise: weights[name]}, f"unknown tensor {surprise}"),
        ({**weights, name: np.zeros((5, 3), np.float32)}, f"{name} has shape"),
    ):
        save_file(harmed, folder / "model.safetensors")
        with pytest.raises(PresetError, match=message) as error:
            load_backbone(folder)
        assert "\n" not in str(error.value)


def test_table_with_more_rows_than_the_vocabulary_is_read(copied):
    folder = copied("bert")
    weights = weights_of(folder)
    table = weights["embeddings.word_embeddings.weight"]
    weights["embeddings.word_embeddings.weight"] = np.concatenate([table, np.full((3, 32), 9, table.dtype)])
    save_file(weights, folder / "model.safetensors")
    change_config(folder, vocab_size=len(table) + 3)
    np.testing.assert_array_equal(vectors(folder), vectors(GOLDEN / "bert"))
    change_config(folder, vocab_size=len(table) + 2000)
    with pytest.raises(PresetError, match="they belong to different models"):
        load_backbone(folder)


def add_tokens(folder, *tokens):
    """Add tokens to a tokenizer.json as its library does, and rows for them to the table; returns the tokenizer."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens(list(tokens))
    tokenizer.save(str(folder / "tokenizer.json"))
    weights, name = weights_of(folder), "embeddings.word_embeddings.weight"
    if name in weights:
        rows = np.ones((tokenizer.get_vocab_size() - len(weights[name]), 32), weights[name].dtype)
        save_file({**weights, name: np.concatenate([weights[name], rows])}, folder / "model.safetensors")
    change_config(folder, vocab_size=tokenizer.get_vocab_size())
    return tokenizer


WITH_ADDED = [
    "Covid COVID19 and New-York's",
    "new  york <E1>x<e1>",
    "été ETE中文字 [SEP] covidx",
    "naïve café",
    "cov id",
]


@pytest.mark.parametrize("family", ["bert", "bert_cased"])
def test_added_tokens_are_never_split(copied, tmp_path, family):
    folder = copied(family)
    tokens = ("COVID", "New-York", "été", "中文", "covidx", AddedToken("<E1>", normalized=False))
    classic_word_piece(folder)
    reference = add_tokens(folder, *tokens)
    expected = [encoding.ids for encoding in reference.encode_batch(WITH_ADDED, add_special_tokens=False)]
    texts = tf.constant([text.encode() for text in WITH_ADDED])
    backbone = load_backbone(folder)
    assert backbone.tokenize(texts).to_list() == expected
    # === So do the saved model, and a folder of the older kind ===
    TextEmbedder(backbone, "float32").save(tmp_path / "model")
    assert tg.load(tmp_path / "model", "float32").backbone.tokenize(texts).to_list() == expected
    (folder / "tokenizer.json").unlink()
    first = reference.get_vocab_size() - len(tokens)
    records = {first + index: {"content": str(token.content)} for index, token in enumerate(tokens[-1:], 5)}
    added = {token: first + index for index, token in enumerate(tokens[:-1])}
    (folder / "added_tokens.json").write_text(json.dumps(added))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "added_tokens_decoder": records}))
    assert load_backbone(folder).tokenize(texts).to_list() == expected
    (folder / "added_tokens.json").write_text(json.dumps({**added, "COVID": first + 20}))
    with pytest.raises(PresetError, match=r"added_tokens.json: token .* has id"):
        load_backbone(folder)


@pytest.mark.parametrize(
    ("family", "architecture"),
    [
        ("bert", "BertForMaskedLM"),
        pytest.param("deberta_v3", "DebertaV2Model", marks=pytest.mark.slow),
        pytest.param("gpt2", "GPT2LMHeadModel", marks=pytest.mark.slow),
        pytest.param("xlm_roberta", "XLMRobertaForTokenClassification", marks=pytest.mark.slow),
    ],
)
def test_family_and_dropout_that_config_json_lacks_are_inferred_and_said(copied, family, architecture):
    folder, config = copied(family), json.loads((GOLDEN / family / "config.json").read_text())
    for key in ("model_type", "hidden_dropout_prob", "resid_pdrop"):
        config.pop(key, None)
    (folder / "config.json").write_text(json.dumps({**config, "architectures": [architecture]}))
    with pytest.warns(TextgraftWarning) as warned:
        backbone = load_backbone(folder)
    assert backbone.family == family
    lines = [str(warning.message) for warning in warned]
    assert any("config.json lacks model_type; read as" in line for line in lines)
    assert any("_dropout_prob; it is 0.1, the default of" in line or "resid_pdrop; it is 0.1" in line for line in lines)


def no_weights(folder):
    (folder / "model.safetensors").unlink()


def pickled_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def half_a_file(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def a_part_is_missing(folder):
    split_in_two(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


def a_part_outside(folder):
    split_in_two(folder)
    index = (folder / "model.safetensors.index.json").read_text()
    (folder / "model.safetensors.index.json").write_text(index.replace("model-00002", "../model-00002"))


def a_word_more(folder):
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["surprise"] = len(content["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(content))


def a_gap_in_the_model(folder):
    content = json.loads((folder / "tokenizer.json").read_text())
    del content["model"]["vocab"]["<mask>"]
    (folder / "tokenizer.json").write_text(json.dumps(content))


def an_added_token(folder, **flags):
    content = json.loads((folder / "tokenizer.json").read_text())
    content["added_tokens"].append({"id": 5, "content": "!", "special": False, **flags})
    (folder / "tokenizer.json").write_text(json.dumps(content))


def change_tokenizer(folder, **parts):
    content = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(content | parts))


def another_tokenizer(folder):
    shutil.copy(GOLDEN / "albert" / "tokenizer.json", folder)


def no_tokenizer(folder):
    (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (no_weights, "model.safetensors is missing"),
        (pickled_weights, "pytorch_model.bin is not supported, since opening it can run code"),
        (half_a_file, "cannot read the weights"),
        (a_part_is_missing, "model-00002-of-00002.safetensors is missing"),
        (a_part_outside, "is not a file name"),
        (a_word_more, "577 tokens but the network 576"),
        (another_tokenizer, "type 'Unigram'"),
        (lambda folder: an_added_token(folder, single_word=True), "the added token '!' with single_word"),
        (lambda folder: an_added_token(folder, rstrip=True), "the added token '!' with rstrip"),
        (lambda folder: change_tokenizer(folder, model={"type": "BPE"}), "it lacks 'merges'|it lacks 'vocab'"),
        (lambda folder: change_tokenizer(folder, added_tokens=[{"id": 0}]), "it lacks 'content'"),
        (a_gap_in_the_model, "has id 5, expected 4"),
        (lambda folder: an_added_token(folder, content="</s>", id=0), "token '</s>' has the ids 2 and 0"),
        (lambda folder: change_tokenizer(folder, pre_tokenizer=[]), "the splitters"),
        (lambda folder: change_config(folder, model_type=["roberta"]), "the family .* is not supported"),
        (no_tokenizer, "neither vocab.json nor tokenizer.json"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "is not valid JSON"),
        (lambda folder: (folder / "tokenizer.json").write_text("[" * 9000), "is nested too deeply"),
        (lambda folder: change_config(folder, hidden_size=33), "does not describe a roberta network|has shape"),
        (lambda folder: change_config(folder, num_attention_heads=0), "num_heads must be a positive integer"),
        (lambda folder: change_config(folder, layer_norm_eps=None), "does not describe a roberta network: float"),
        (lambda folder: change_config(folder, hidden_act=["gelu"]), r"hidden_act \"\['gelu'\]\" is not supported"),
        (lambda folder: change_config(folder, is_decoder=True), "is_decoder is True"),
        (lambda folder: change_config(folder, type_vocab_size=2), "type_vocab_size is 2"),
        (lambda folder: change_config(folder, pad_token_id=0), "pad_token_id is 0; only 1 is supported"),
        (lambda folder: an_added_token(folder, content="a\nb", id=576), "the token 'a.nb' has a line break"),
        (lambda folder: change_config(folder, model_type="modernbert"), "'modernbert' is not supported"),
        (lambda folder: change_config(folder, model_type=None, architectures=None), "config.json lacks model_type"),
        (lambda folder: pipe(folder / "config.json"), "config.json is not a regular file"),
        (lambda folder: pipe(folder / "merges.txt"), "merges.txt is not a regular file"),
        (lambda folder: lfs_pointer(folder / "model.safetensors"), "model.safetensors is a pointer of Git LFS"),
        (lambda folder: lfs_pointer(folder / "config.json"), "config.json is a pointer of Git LFS.*git lfs pull"),
        (
            lambda folder: change_config(folder, model_type="bart"),
            "BartBackbone.*docs/architecture.md",
        ),
        (lambda folder: (folder / "config.json").unlink(), "is not a preset"),
    ],
)
def test_damaged_folder_is_reported_in_one_line(copied, harm, message):
    folder = copied("roberta")
    harm(folder)
    with pytest.raises(PresetError, match=message) as error:
        load_backbone(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


def pipe(file):
    file.unlink(missing_ok=True)
    os.mkfifo(file)


def lfs_pointer(file):
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n")


def mecab(folder):
    classic_word_piece(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertJapaneseTokenizer"}')


def many_added_tokens(folder):
    content = json.loads((folder / "tokenizer.json").read_text())
    rows = len(content["model"]["vocab"])
    content["added_tokens"] += [{"id": rows + n, "content": f"<{n}>", "special": True} for n in range(33)]
    (folder / "tokenizer.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("family", "harm", "message"),
    [
        ("bert", mecab, "tokenizer_class 'BertJapaneseTokenizer' is not supported"),
        (
            "bert",
            lambda folder: change_tokenizer(folder, normalizer=None),
            "no normalizer or several, or no pre-tokenizer",
        ),
        ("bert", many_added_tokens, r"3\d special tokens; the maximum is 32"),
        ("gpt2", lambda folder: change_config(folder, tie_word_embeddings=False), "tie_word_embeddings is False"),
    ],
)
def test_unsupported_folder_is_reported(copied, family, harm, message):
    folder = copied(family)
    harm(folder)
    with pytest.raises(PresetError, match=message):
        load_backbone(folder)


def classic_byte_pair(folder):
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    lines = ["#version: 0.2", *(" ".join(merge) for merge in model["merges"])]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("family", "classic"),
    [
        ("bert", classic_word_piece),
        ("bert_cased", classic_word_piece),
        ("electra", classic_word_piece),
        ("roberta", classic_byte_pair),
        ("gpt2", classic_byte_pair),
        ("opt", classic_byte_pair),
    ],
)
def test_vocabulary_files_give_the_ids_of_tokenizer_json(copied, family, classic):
    folder = copied(family)
    classic(folder)
    (folder / "tokenizer.json").unlink()
    texts = tf.constant([text.encode() for text in SHORT])
    one, other = load_backbone(folder), load_backbone(GOLDEN / family)
    assert one.tokenize(texts).to_list() == other.tokenize(texts).to_list()


@pytest.mark.parametrize("source", ["bert", pytest.param("bert_cased", marks=pytest.mark.slow)])
def test_original_release_equals_the_hugging_face_folder(copied, tmp_path, source):
    same = copied(source)
    change_config(same, hidden_act="gelu_new")  # as the release's program computes it
    write_release(tmp_path / "release", GOLDEN / source)
    np.testing.assert_allclose(vectors(tmp_path / "release"), vectors(same), atol=1e-6)


def test_damaged_release_is_reported(tmp_path):
    write_release(tmp_path / "release", GOLDEN / "bert")
    (tmp_path / "release" / "bert_model.ckpt.index").write_bytes(b"half")
    with pytest.raises(PresetError, match="cannot read the checkpoint") as error:
        load_backbone(tmp_path / "release")
    assert "\n" not in str(error.value)


# === KerasHub presets ===
@pytest.mark.parametrize(
    ("family", "task"),
    [
        *((family, False) for family in ("bert", "distil_bert", "electra", "gpt2", "opt", "roberta")),
        ("bert", True),
        *(pytest.param(family, True, marks=pytest.mark.slow) for family in ("distil_bert", "roberta")),
    ],
)
def test_keras_hub_preset_of_a_backbone_or_task_is_read(family, task, tmp_path):
    import keras_hub

    backbone = load_backbone(GOLDEN / family)
    assets = backbone.assets()
    kind = backbone._family.network.removesuffix("Backbone")
    special = backbone._tokenizer.settings()
    tokenizer_class = getattr(keras_hub.models, f"{kind}Tokenizer")
    if "merges.txt" in assets:
        vocabulary = {token: number for number, token in enumerate(backbone._tokenizer.vocabulary)}
        tokenizer = tokenizer_class(vocabulary=vocabulary, merges=assets["merges.txt"].decode().splitlines())
    else:
        tokenizer = tokenizer_class(vocabulary=backbone._tokenizer.vocabulary, lowercase=special["lowercase"])
    if task:
        classifier = getattr(keras_hub.models, f"{kind}TextClassifier")
        preprocessor = getattr(keras_hub.models, f"{kind}TextClassifierPreprocessor")(tokenizer, sequence_length=16)
        classifier(backbone._encoder, num_classes=2, preprocessor=preprocessor).save_to_preset(str(tmp_path))
    else:
        backbone._encoder.save_to_preset(str(tmp_path))
        tokenizer.save_to_preset(str(tmp_path))
    # KerasHub keeps the sizes, but neither activation nor epsilon; its own are what its classes compute.
    fresh = backbone._family.network_class.from_config(backbone._encoder.get_config())
    fresh.set_weights(backbone._encoder.get_weights())
    loaded = load_backbone(tmp_path)
    rows = {name: np.ones((1, 5), np.int32) for name in loaded.network.input}
    expected = fresh(rows)
    expected = expected["sequence_output"] if isinstance(expected, dict) else expected
    np.testing.assert_allclose(loaded.network(rows), expected, atol=1e-6)
    texts = tf.constant([text.encode() for text in SHORT])
    assert loaded.tokenize(texts).to_list() == backbone.tokenize(texts).to_list()


def test_missing_weights_of_a_keras_hub_preset_are_reported(tmp_path):
    backbone = load_backbone(GOLDEN / "roberta")
    backbone._encoder.save_to_preset(str(tmp_path))
    assets = tmp_path / "assets" / "tokenizer"
    assets.mkdir(parents=True)
    vocabulary = {token: number for number, token in enumerate(backbone._tokenizer.vocabulary)}
    (assets / "vocabulary.json").write_text(json.dumps(vocabulary))
    (assets / "merges.txt").write_bytes(backbone.assets()["merges.txt"])
    load_backbone(tmp_path)
    (tmp_path / "model.weights.h5").unlink()
    with pytest.raises(PresetError, match=r"model.weights.h5 is missing"):
        load_backbone(tmp_path)


def test_classes_named_in_a_config_are_not_loaded(tmp_path):
    """A config that names a class of its own: only its sizes are taken."""
    backbone = load_backbone(GOLDEN / "roberta")
    sizes = backbone._encoder.get_config()
    harmful = {"module": "os", "class_name": "RobertaBackbone", "config": {**sizes, "dtype": {"class_name": "Lambda"}}}
    (tmp_path / "config.json").write_text(json.dumps(harmful))
    with pytest.raises(PresetError, match=r"cannot read .*vocabulary.json"):
        load_backbone(tmp_path)
    assert keras.config.floatx() == "float32"
