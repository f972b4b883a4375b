"""Words that predict a label almost alone, as where a label is written in its texts."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_matrix

from textgraft.data.labels import show_label
from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.finding import WARNING, Finding, rows_of
from textgraft.data_checks.words import drawn_rows, word_matrix

_MAX_ROWS = 20_000
_MIN_TEXTS = 10  # with a word, and with a label
# Share of the texts with a word that have the label, and of those with the label that have the word. On the training
# texts of AG News, IMDb and TREC no word has both.
_MIN_PRECISION, _MIN_RECALL = 0.97, 0.75
_MAX_SHARE = 0.9  # of a label that words could predict


class LeakageWords(Check):
    """Words of which one predicts a label."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        if not data.has_categories:
            return
        rows = drawn_rows(data.train, data.seed, _MAX_ROWS)
        sample = data.train.take(rows)
        names = list(sample.counts())
        ids = sample.label_ids(names)
        matrix = word_matrix(sample, _MIN_TEXTS)
        flags = csr_matrix((np.ones(len(ids), np.float32), (ids, np.arange(len(ids)))), (len(names), len(ids)))
        both = (flags @ matrix.occurs).tocoo()
        texts_with_word = np.asarray(matrix.occurs.sum(axis=0)).ravel()
        texts_with_label = np.bincount(ids, minlength=len(names))
        precision = both.data / texts_with_word[both.col]
        recall = both.data / texts_with_label[both.row]
        is_usual = (texts_with_label >= _MIN_TEXTS) & (texts_with_label <= _MAX_SHARE * len(ids))
        reveals = (precision >= _MIN_PRECISION) & (recall >= _MIN_RECALL) & is_usual[both.row]
        for index in sorted(np.flatnonzero(reveals), key=lambda index: -recall[index]):
            label, word = names[both.row[index]], matrix.words[both.col[index]]
            with_word = rows[matrix.occurs[:, [both.col[index]]].nonzero()[0]]
            yield Finding(
                "leakage word",
                WARNING,
                len(with_word),
                f"{data.train.source}: the word {word!r:.40} predicts the label {show_label(label)} almost alone: "
                f"{precision[index]:.1%} of {len(with_word):,} texts with the word have the label, {recall[index]:.1%} "
                "of the texts with the label have the word",
                "remove it from the texts if it is written after the label is known",
                rows_of(data.train, TRAIN, with_word),
            )
