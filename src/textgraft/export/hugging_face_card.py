"""The model card of a Hugging Face folder: README.md, with the metadata that its hub reads."""

from collections.abc import Mapping
from typing import Any

from textgraft.model_folder.card import card_metadata, write_card
from textgraft.tasks.base import Task

CARD = "README.md"

_PIPELINE = """from transformers import pipeline

pipe = pipeline("{task}", model="this folder"{options})
pipe("{text}")"""
_SENTENCE_TRANSFORMERS = """from sentence_transformers import SentenceTransformer

SentenceTransformer("this folder").encode(["{text}"]){logits}"""
_OPTIONS = {
    "token-classification": ', aggregation_strategy="first"',
    "text-classification": "",
}
_TEXT = "a text"
_WITHOUT_NGRAMS = (
    "This folder has the network of the model without the n-grams beside it; results are those of both together."
)


def hugging_face_card(
    model: Task, config: Mapping[str, Any], uses_sentence_transformers: bool, without_ngrams: bool
) -> str:
    """Markdown after a block of YAML; `config` is the content of config.json."""
    if uses_sentence_transformers:
        is_classifier = "problem_type" in config
        library, task = "sentence-transformers", model.name if is_classifier else "sentence-similarity"
        logits = "  # the logits of the labels in config.json, or the number" if is_classifier else ""
        code = _SENTENCE_TRANSFORMERS.format(text=_TEXT, logits=logits)
    else:
        library, task = "transformers", model.name
        options = _OPTIONS[task]
        if config.get("problem_type") == "multi_label_classification":
            options = ', top_k=None, function_to_apply="sigmoid"'
        elif config.get("problem_type") == "regression":
            options = ', function_to_apply="none"'
        code = _PIPELINE.format(task=task, options=options, text=_TEXT)
    return "\n".join(
        [*card_metadata(library, task), write_card(model.config(), code, _WITHOUT_NGRAMS if without_ngrams else "")]
    )
