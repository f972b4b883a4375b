"""The check of a model before it is served."""

import pytest

import textgraft as tg
from tests.helpers.golden import copy_with_changed_score
from textgraft.errors import TextgraftError
from textgraft.serving.self_check import check_answers
from textgraft.serving.served_model import LoadingOptions, load_model

TEXTS = [f"a {word} film {end}" for end in ("today", "again", "too", "now") for word in ("great", "bad")]


def served(folder):
    return load_model("model", str(folder), LoadingOptions("float32"))


def test_a_folder_whose_answers_differ_on_this_machine_is_not_served(tiny_bert, tmp_path):
    model = tg.TextClassifier(str(tiny_bert), ["bad", "good"], "float32", sequence_length=16)
    model.fit(TEXTS, ["good", "bad"] * 4, fine_tune="none")
    folder = model.save(tmp_path / "model")
    check_answers(served(folder))
    changed = copy_with_changed_score(folder, tmp_path / "changed")
    with pytest.raises(TextgraftError, match=r"changed is not served: 1 of 32 stored answers"):
        check_answers(served(changed))
