"""The tool that builds TF-Hub text embeddings with random vectors."""

import sys

import pytest
import tensorflow as tf
from tools.make_hub_module import main

CORPORA = {
    "corpus.txt": "good film\n\ngood plot\n",
    "corpus.csv": 'text,label\n"good film\nagain",1\ngood plot,0\n',
}


@pytest.mark.parametrize("name", CORPORA)
def test_module_is_built_from_the_words_of_a_corpus(tmp_path, monkeypatch, name):
    (tmp_path / name).write_text(CORPORA[name])
    out = tmp_path / "module"
    arguments = ["--words", tmp_path / name, "--size", 9, "--dim", 3, "--oov-buckets", 2]
    monkeypatch.setattr(sys, "argv", list(map(str, ["make_hub_module", out, *arguments])))
    main()
    module = tf.saved_model.load(str(out))
    assert module(tf.constant(["good film", ""])).shape == (2, 3)
    assert [variable.shape for variable in module.trainable_variables] == [(9, 3)]
    assert module.regularization_losses == []
    words = next(out.glob("assets/*.txt")).read_text().split("\n")
    assert words[0] == "good"
    assert len(words[:-1]) == 7
