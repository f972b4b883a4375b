"""Exact and near duplicates within and across splits."""

import numpy as np
import pytest

from textgraft.data.dataset import Dataset
from textgraft.data_checks.duplicate_texts import DuplicateTexts
from textgraft.data_checks.min_hash import candidate_pairs, min_hashes
from textgraft.data_checks.shingles import Shingler, jaccard

LONG = " ".join(f"word{index}" for index in range(40))


def with_word(position, word="other"):
    words = LONG.split()
    words[position] = word
    return " ".join(words)


def repeats_of(**splits):
    return DuplicateTexts.search({name: Dataset.from_lists(texts) for name, texts in splits.items()})


def test_exact_repeats_name_the_first_row():
    duplicates = repeats_of(train=["a b", "c", "A  B", "c", "d"], test=["D", "e", "a b"])
    assert duplicates.within("train").rows.tolist() == [2, 3]
    assert duplicates.within("train").repeated.tolist() == [0, 1]
    assert duplicates.across("test", "train").rows.tolist() == [0, 2]
    assert duplicates.across("test", "train").repeated.tolist() == [4, 0]
    assert duplicates.across("train", "test").rows.tolist() == [0, 2, 4]


def test_near_repeats_have_a_similarity_of_four_fifths():
    # One word changes three shingles of 38: 35 / 41 = 0.85; two that are far apart change six: 32 / 44 = 0.73.
    two_changed = with_word(10).replace("word30", "another")
    duplicates = repeats_of(train=[LONG, "short text", with_word(20)], test=[with_word(5), two_changed, LONG + " more"])
    assert duplicates.nearly_within("train").rows.tolist() == [2]
    assert duplicates.nearly_within("train").repeated.tolist() == [0]
    near = duplicates.nearly_across("test", "train")
    assert near.rows.tolist() == [0, 2]
    assert near.repeated.tolist() == [0, 0]
    assert len(duplicates.within("train").rows) == len(duplicates.across("test", "train").rows) == 0


def test_exact_repeats_are_no_near_ones():
    duplicates = repeats_of(train=[LONG, with_word(3)], test=[LONG.upper()])
    assert duplicates.across("test", "train").rows.tolist() == [0]
    assert duplicates.nearly_across("test", "train").rows.tolist() == []
    assert duplicates.in_either("test", "train").rows.tolist() == [0]


@pytest.mark.parametrize("texts", [["great :)", "great :("], ["C++", "C#"], ["!!!", "???"]])
def test_texts_of_few_words_are_never_near(texts):
    assert len(repeats_of(train=texts).near) == 0


def test_scripts_without_spaces_are_compared_by_characters():
    text = (
        "我們今天去看電影然後回家吃飯大家都覺得這部電影非常好看演員也很出色值得再看一次下個月還有新片上映到時候一起去吧"
    )
    changed = text.replace("吃飯", "吃麵")
    assert repeats_of(train=[text, changed, text[::-1]]).nearly_within("train").rows.tolist() == [1]


def test_punctuation_and_case_do_not_matter():
    shingler = Shingler()
    first, second = (
        np.unique(shingler.shingles(text)) for text in (b"One, two - three: FOUR five!", b"one two three four five")
    )
    assert jaccard(first, second) == 1


def test_estimates_of_random_sets_are_close_to_their_similarity():
    generator = np.random.default_rng(0)
    base = generator.integers(0, 1 << 63, 1000, np.uint64)
    sets = [
        np.concatenate([base[:shared], generator.integers(0, 1 << 63, 1000 - shared, np.uint64)])
        for shared in (1000, 900, 600)
    ]
    signatures = min_hashes(sets)
    for other, shared in ((1, 900), (2, 600)):
        assert (signatures[0] == signatures[other]).mean() == pytest.approx(shared / (2000 - shared), abs=0.12)
    assert candidate_pairs(signatures, np.full(3, 1000)).tolist() == [[0, 1]]


def test_no_pairs_without_texts():
    assert candidate_pairs(min_hashes([]), np.empty(0, np.int64)).shape == (0, 2)
    assert len(repeats_of(train=["a", "b"]).near) == 0


def test_planted_near_repeats_are_found_among_many_texts():
    generator = np.random.default_rng(1)
    words = [f"w{index}" for index in range(3000)]
    texts = [" ".join(generator.choice(words, 60)) for _ in range(400)]
    changed = []
    for text in texts[:100]:
        tokens = text.split()
        tokens[int(generator.integers(60))] = "changed"
        changed.append(" ".join(tokens))
    duplicates = repeats_of(train=texts, test=changed)
    assert duplicates.nearly_across("test", "train").repeated.tolist() == list(range(100))
    assert len(duplicates.nearly_within("train").rows) == 0
