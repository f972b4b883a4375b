"""Names of presets as other libraries and browsers spell them."""

import pytest

from textgraft.backbones.preset_spelling import other_spelling

KNOWN = ("minilm", "nnlm-en-dim50", "bert_base_en_uncased", "roberta_base_en")


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("bert-base-cased", "hf://google-bert/bert-base-cased"),
        ("RoBERTa-large", "hf://FacebookAI/roberta-large"),
        ("xlm-roberta-base", "hf://FacebookAI/xlm-roberta-base"),
        ("gpt2", "hf://openai-community/gpt2"),
        ("hf://distilgpt2", "hf://distilbert/distilgpt2"),
        ("https://huggingface.co/albert-base-v2", "hf://albert/albert-base-v2"),
        (
            "https://huggingface.co/someone/model/tree/main",
            "hf://someone/model for a repository of the Hugging Face hub",
        ),
        ("intfloat/e5-small", "hf://intfloat/e5-small for a repository of the Hugging Face hub"),
        ("all-MiniLM-L12-v2", "hf://sentence-transformers/all-MiniLM-L12-v2"),
        ("sentence-transformers/all-MiniLM-L6-v2", "minilm"),
        ("all-minilm-l6-v2", "minilm"),
        ("MiniLM", "minilm"),
        ("BERT-base-en-uncased", "bert_base_en_uncased"),
        ("roberta_bas_en", "roberta_base_en"),
        ("https://www.kaggle.com/models/keras/bert/keras/bert_tiny/3", "kaggle://keras/bert/keras/bert_tiny/3"),
        (
            "https://www.kaggle.com/models/keras/bert/frameworks/keras/variations/bert_tiny/versions/3",
            "kaggle://keras/bert/keras/bert_tiny/3",
        ),
        ("./models/bert-base-cased", ""),
        ("something else", ""),
    ],
)
def test_other_spelling_is_suggested(name, spelling):
    assert other_spelling(name, KNOWN) == spelling


def test_path_in_an_existing_folder_is_no_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    assert other_spelling("models/first", KNOWN) == ""
