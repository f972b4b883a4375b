"""The texts of the golden files."""

from tests.helpers.nasty_texts import NASTY

TEXTS = [
    *NASTY,
    "The film opens slowly, but the last half hour is worth every minute of the wait.",
    "What is the capital of Mongolia?",
    "Oil prices fell for a third day as inventories rose.",
    " ".join(f"Sentence number {index} says something a little different from the others." for index in range(60)),
]

# Texts on which tiny models are trained and compared.
SHORT = [text for text in TEXTS if len(text) < 400]
MOST_TOKENS = 16
