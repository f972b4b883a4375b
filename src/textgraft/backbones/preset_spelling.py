"""How names of other libraries and addresses of browsers are spelled as presets; no TensorFlow import."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

# Repositories that transformers still finds under their former names without an owner.
_OWNERS = {
    "albert": "albert",
    "bert": "google-bert",
    "distilbert": "distilbert",
    "distilgpt2": "distilbert",
    "distilroberta": "distilbert",
    "gpt2": "openai-community",
    "roberta": "FacebookAI",
    "xlm-roberta": "FacebookAI",
}
_FAMILY = re.compile(r"(distilbert|distilgpt2|distilroberta|xlm-roberta|albert|bert|gpt2|roberta)(-[\w.-]+)?")
# sentence-transformers puts its own name before these.
_SENTENCE_TRANSFORMERS = re.compile(
    r"(?i)(all|paraphrase|multi-qa|msmarco|distiluse|stsb|nli|gtr|sentence-t5)-[\w.-]+|LaBSE"
)
_MINILM = re.compile(r"(?i)(sentence-transformers/)?all-minilm-l6-v2")
_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_HUB = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/(?P<name>[^?#]+)")
_KAGGLE = re.compile(
    r"https?://(?:www\.)?kaggle\.com/models/(?P<model>[\w.-]+/[\w.-]+)/(?:frameworks/)?(?P<framework>[\w.-]+)/"
    r"(?:variations/)?(?P<variation>[\w.-]+)(?:/(?:versions/)?(?P<version>\d+))?"
)


def other_spelling(preset: str, known: Sequence[str]) -> str:
    """What to write in place of an unknown name or address; empty if nothing is like it."""
    if kaggle := _KAGGLE.match(preset):
        return "kaggle://" + "/".join(part for part in kaggle.groups() if part)
    address = _HUB.match(preset)
    name = address["name"] if address else preset.removeprefix("hf://")
    name = "/".join(name.strip("/").split("/")[:2]) if address else name.rstrip("/")
    if _MINILM.fullmatch(name):
        return "minilm"
    if same := [entry for entry in known if _letters(entry) == _letters(name)]:
        return same[0]
    if family := _FAMILY.fullmatch(name.lower()):
        return f"hf://{_OWNERS[family[1]]}/{name.lower()}"
    if _SENTENCE_TRANSFORMERS.fullmatch(name):
        return f"hf://sentence-transformers/{name}"
    if _REPOSITORY.fullmatch(name) and not preset.startswith("hf://") and not Path(name).parent.exists():
        return f"hf://{name} for a repository of the Hugging Face hub"
    return " or ".join(get_close_matches(name.lower(), known, n=3, cutoff=0.75))


def _letters(name: str) -> str:
    """A name without case and separators."""
    return re.sub(r"[\W_]", "", name.lower())
