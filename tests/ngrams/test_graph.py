"""Words, n-grams and their weights in the graph, compared with Python and scikit-learn."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfVectorizer

from tests.helpers.nasty_texts import NASTY
from textgraft.model_folder.ngrams import BUCKETS
from textgraft.ngrams.graph import count_ngrams, split_into_words
from textgraft.ngrams.matrix import (
    count_texts,
    inverse_document_frequency,
    log_count_ratios,
    select_buckets,
    to_features,
)
from textgraft.text.cleaning import Cleaning

REVIEWS = [
    "It's a GREAT film, isn't it?", "a great film", "", "not a great film at all", "dull... a dull, dull film!",
    "isn't it dull at all", "a film that is great and dull",
]  # fmt: skip


def words(text):
    return [word.decode() for word in split_into_words(tf.constant([text]))[0].numpy()]


def bucket(ngram):
    return int(tf.strings.to_hash_bucket_fast(ngram, BUCKETS))


def arrays(texts):
    return [np.array([text.encode() for text in texts], object)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It’s GREAT,isn't it?", ["it", "s", "great", ",", "isn", "t", "it", "?"]),
        ("Ça\u00a0coûte\u30005 €", ["ça", "coûte", "5", "€"]),
        ("我爱NLP。", ["我", "爱", "nlp", "。"]),
        ("กินข้าว", ["กิ", "น", "ข้", "า", "ว"]),
        ("good 👍🏽", ["good", "👍", "🏽"]),
        (" \t\n", []),
    ],
)
def test_words_are_lower_case_and_signs_and_unspaced_characters_are_words(text, expected):
    assert words(text) == expected


def test_ngrams_are_words_pairs_and_three_unspaced_characters():
    texts = ["a b a b", "我爱你 x 我爱", ""]
    expected = [
        {"a": 2, "b": 2, "a b": 2, "b a": 1},
        {"我": 2, "爱": 2, "你": 1, "x": 1, "我 爱": 2, "爱 你": 1, "你 x": 1, "x 我": 1, "我 爱 你": 1},
        {},
    ]
    counts = count_ngrams(tf.constant(texts))
    found = [Counter() for _ in texts]
    for row, index, count in zip(*(part.numpy().tolist() for part in counts), strict=True):
        found[row][index] += int(count)
    assert found == [Counter({bucket(ngram): count for ngram, count in row.items()}) for row in expected]


def test_features_are_those_of_scikit_learn():
    vectorizer = TfidfVectorizer(tokenizer=words, token_pattern=None, ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    expected = vectorizer.fit_transform(REVIEWS).toarray()
    names = vectorizer.get_feature_names_out()
    order = np.argsort([bucket(name) for name in names])
    counts = count_texts(arrays(REVIEWS), Cleaning())
    buckets = select_buckets(counts, 1)
    assert buckets.tolist() == sorted(bucket(name) for name in names)
    counts = counts[:, buckets]
    features = to_features(counts, inverse_document_frequency(counts, np.zeros(len(REVIEWS), int)))
    np.testing.assert_allclose(features.toarray(), expected[:, order], atol=1e-6)


def test_log_count_ratio_of_two_labels_is_that_of_naive_bayes():
    targets = np.array([1, 1, 0, 1, 0, 0, 1])
    counts = count_texts(arrays(REVIEWS), Cleaning())
    counts = counts[:, select_buckets(counts, 1)]
    occurs = counts.toarray() > 0
    shares = [(1 + occurs[targets == label].sum(axis=0)) for label in (0, 1)]
    shares = [share / share.sum() for share in shares]
    np.testing.assert_allclose(log_count_ratios(counts, targets), np.abs(np.log(shares[1] / shares[0])), rtol=1e-5)


def test_an_ngram_of_one_label_alone_has_the_highest_ratio_of_several_labels():
    texts = ["red x", "red x", "blue x", "blue x", "green x", "green x"]
    counts = count_texts(arrays(texts), Cleaning())
    buckets = select_buckets(counts, 3)
    ratios = dict(
        zip(buckets.tolist(), log_count_ratios(counts[:, buckets], np.array([0, 0, 1, 1, 2, 2])), strict=True)
    )
    assert ratios[bucket("x")] < 1e-6 < 0.5 < ratios[bucket("red")]


def test_many_buckets_are_reduced_to_the_most_frequent(monkeypatch):
    monkeypatch.setattr("textgraft.ngrams.matrix._MAX_WEIGHTS", 4)
    counts = count_texts(arrays(["a b", "a b", "a c", "c b"]), Cleaning())
    assert select_buckets(counts, 2).tolist() == sorted([bucket("a"), bucket("b")])


def test_unusual_texts_have_finite_features():
    texts = [text for text in NASTY if not any("\ud800" <= character <= "\udfff" for character in text)]
    features = to_features(count_texts(arrays(texts), Cleaning()), np.ones(BUCKETS, np.float32))
    norms = np.sqrt(np.asarray(features.multiply(features).sum(axis=1)).ravel())
    np.testing.assert_allclose(norms, [float(len(words(text)) > 0) for text in texts], atol=1e-5)


def test_texts_are_cleaned_first():
    cleaned = count_texts(arrays(["a<br>b &amp; c"]), Cleaning(strip_html=True))
    assert (cleaned != count_texts(arrays(["a b & c"]), Cleaning())).nnz == 0
