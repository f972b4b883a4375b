"""Random tag sequences for the golden span metrics; half of the predicted ones are malformed."""

import numpy as np

SEED = 5
CASES = 1000
LABELS = ("LOC", "ORG", "PER", "X-Y")
PREFIXES = {"IOB2": "BI", "IOBES": "BIES"}

Corpus = list[list[str]]


def cases(scheme: str) -> list[tuple[Corpus, Corpus]]:
    """Pairs of true and predicted tags of a few sentences each."""
    random = np.random.Generator(np.random.PCG64([SEED, *scheme.encode()]))
    return [_case(random, scheme) for _ in range(CASES)]


def _case(random: np.random.Generator, scheme: str) -> tuple[Corpus, Corpus]:
    noise = random.choice([0.0, 0.1, 0.4, 1.0])
    true = [_sentence(random, scheme) for _ in range(random.integers(1, 7))]
    return true, [[_tag(random, scheme) if random.random() < noise else tag for tag in tags] for tags in true]


def _sentence(random: np.random.Generator, scheme: str) -> list[str]:
    """Well-formed in three of four cases."""
    words = int(random.integers(1, 25))
    if random.random() < 0.25:
        return [_tag(random, scheme) for _ in range(words)]
    tags: list[str] = []
    while len(tags) < words:
        label, length = random.choice(LABELS), int(random.integers(1, 5))
        prefixes = "B" + "I" * (length - 1)
        if scheme == "IOBES":
            prefixes = "S" if length == 1 else prefixes[:-1] + "E"
        tags += [f"{prefix}-{label}" for prefix in prefixes] + ["O"] * int(random.integers(0, 4))
    return tags


def _tag(random: np.random.Generator, scheme: str) -> str:
    return "O" if random.random() < 0.4 else f"{random.choice(list(PREFIXES[scheme]))}-{random.choice(LABELS)}"
