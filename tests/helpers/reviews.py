"""A tiny data set with two labels: seven different texts, each four times."""

import textgraft as tg

TEXTS = ["the film was good", "a fine plot", "very good", "the film was bad", "a dull plot", "very bad", "dull ."] * 4
LABELS = ["good", "good", "good", "bad", "bad", "bad", "bad"] * 4


def reviews():
    return tg.Dataset.from_lists(TEXTS, LABELS)
