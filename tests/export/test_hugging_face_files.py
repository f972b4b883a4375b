"""config.json of exported models."""

import json

import pytest

import textgraft as tg
from tests.helpers.paths import GOLDEN
from textgraft.backbones.family import load_family
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ConfigError
from textgraft.export.hugging_face_files import hugging_face_config, hugging_face_files

FAMILIES = {
    "albert": ("albert", "AlbertModel", "AlbertTokenizer"),
    "bert": ("bert", "BertModel", "BertTokenizer"),
    "bert_sentence_piece": ("bert", "BertModel", "XLMRobertaTokenizer"),
    "deberta_v3": ("deberta-v2", "DebertaV2Model", "DebertaV2Tokenizer"),
    "distil_bert": ("distilbert", "DistilBertModel", "DistilBertTokenizer"),
    "electra": ("electra", "ElectraModel", "ElectraTokenizer"),
    "gpt2": ("gpt2", "GPT2Model", "GPT2Tokenizer"),
    "opt": ("opt", "OPTModel", "GPT2Tokenizer"),
    "roberta": ("roberta", "RobertaModel", "RobertaTokenizer"),
    "xlm_roberta": ("xlm-roberta", "XLMRobertaModel", "XLMRobertaTokenizer"),
}


@pytest.mark.parametrize(
    "family",
    [
        "bert",
        "gpt2",
        *(pytest.param(name, marks=pytest.mark.slow) for name in sorted(FAMILIES.keys() - {"bert", "gpt2"})),
    ],
)
def test_config_describes_the_network_as_the_published_one_does(family, tmp_path):
    backbone = load_backbone(GOLDEN / family)
    config = backbone.hugging_face_config()
    model_type, class_name, tokenizer_class = FAMILIES[family]
    assert (config["model_type"], backbone.hugging_face_class("Model")) == (model_type, class_name)
    tokenizer_config = json.loads(backbone.hugging_face_tokenizer(24)["tokenizer_config.json"])
    assert tokenizer_config["tokenizer_class"] == tokenizer_class
    (tmp_path / "config.json").write_text(json.dumps(config))
    reader = load_family(family).hugging_face_format
    assert reader.read_sizes(tmp_path) == reader.read_sizes(GOLDEN / family)
    expected = reader.read_layer_config(GOLDEN / family, backbone.network)
    assert reader.read_layer_config(tmp_path, backbone.network) == expected
    published = json.loads((GOLDEN / family / "config.json").read_text())
    other = {key for key in config.keys() & published.keys() if config[key] != published[key]}
    assert other <= {"pad_token_id", "bos_token_id", "eos_token_id", "n_inner"}  # published ones may lack them


def test_labels_tags_and_problems_are_in_the_config(tiny_bert):
    config = hugging_face_config(tg.TextClassifier(tiny_bert, [False, True], "float32"))
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["id2label"] == {"0": "false", "1": "true"}
    assert config["label2id"] == {"false": 0, "true": 1}
    assert config["problem_type"] == "single_label_classification"
    sets = hugging_face_config(tg.TextClassifier(tiny_bert, ["a", "b"], "float32", problem="multi-label"))
    assert sets["problem_type"] == "multi_label_classification"
    numbers = hugging_face_config(tg.TextClassifier(tiny_bert, [], "float32", problem="regression"))
    assert (numbers["problem_type"], numbers["id2label"]) == ("regression", {"0": "LABEL_0"})
    entities = hugging_face_config(tg.TokenClassifier(tiny_bert, ["PER", "LOC"], "float32"))
    assert entities["architectures"] == ["BertForTokenClassification"]
    assert list(entities["id2label"].values()) == ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    vectors = hugging_face_config(tg.TextEmbedder(tiny_bert, "float32"))
    assert vectors["architectures"] == ["BertModel"]
    assert "id2label" not in vectors


def test_files_truncate_as_the_model_does(tiny_bert):
    files = hugging_face_files(tg.TextEmbedder(tiny_bert, "float32", sequence_length=9))
    assert json.loads(files["tokenizer.json"])["truncation"]["max_length"] == 9
    assert set(files) == {"config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}


def test_what_has_no_such_form_is_refused(tiny_bert, tiny_word_vectors):
    with pytest.raises(ConfigError, match="models for fill-mask are not exported to this format; use savedmodel"):
        hugging_face_files(tg.MaskFiller(tiny_bert, precision="float32"))
    with pytest.raises(ConfigError, match="cannot express word_vectors; choose savedmodel"):
        hugging_face_files(tg.TextClassifier(tiny_word_vectors, ["x", "y"], precision="float32"))
