"""Texts to answers with ONNX Runtime; importing this file imports neither TensorFlow nor the rest of textgraft."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from textgraft.data.predicted_entities import Entity, entity_arrays
from textgraft.evaluation.answer_comparison import as_int8
from textgraft.tasks.tag_decoding import WORDS, scored_spans
from tokenizers import Tokenizer

from .cleaning import TextCleaner
from .compression import SUFFIX, compressed_name, read_content
from .damage import damage_named
from .ngrams import NgramLogits
from .novelty import Distances
from .rows import Rows, TextRows, WordRows, batches, padded
from .settings import CLEANING, ENTITIES, NGRAMS, REJECT_ABOVE, VECTORS, read_settings
from .single_label import SingleLabelAnswers, softmax
from .words import split_words

NETWORK, TOKENIZER, INFERENCE = "model.onnx", "tokenizer.json", "inference.json"

_MAX_ROWS, _MAX_TOKENS = 64, 4096  # of a batch, padding included
_THREAD_TOKENS = 512  # of a batch for each thread; more leave the cache of its core
_LOGITS, _EMBEDDING, _VECTOR = "logits", "sentence_embedding", "vector"
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_ERRORS = 3  # the level of ONNX Runtime's log


class Model:
    """An exported model.

    Attributes:
        pairs: whether each text is a pair.
        labels: those that `predict` returns, in the order of `predict_proba`; none for numbers and vectors.
    """

    def __init__(self, folder: Path, network: str = NETWORK) -> None:
        """Read the files of a folder: the tokenizer, what surrounds the network, and the network.

        Raises:
            ValueError: when one is damaged; names it.
            OSError: when one cannot be read.
        """
        self._settings = read_settings(folder / INFERENCE)
        self._task, self._problem = self._settings["task"], self._settings["problem"]
        self._special, self._prompt = self._settings["special"], self._settings["prompt"]
        self.pairs: bool = self._settings["pairs"]
        self.labels: Sequence[Any] = self._settings["classes"]
        tokenizer_file, network_file = compressed_name(folder / TOKENIZER), compressed_name(folder / network)
        with damage_named(tokenizer_file):
            tokenizer = Tokenizer.from_buffer(read_content(tokenizer_file))
        if self._task == ENTITIES:
            self._words, self._pattern = WordRows(tokenizer, self._settings), re.compile(self._settings["word_pattern"])
        else:
            self._rows = TextRows(tokenizer, self._settings)
        options = ort.SessionOptions()
        options.log_severity_level = _ERRORS
        options.intra_op_num_threads = _threads()
        threads = options.intra_op_num_threads or os.cpu_count() or 1
        self._batch_tokens = min(_MAX_TOKENS, threads * _THREAD_TOKENS)
        with damage_named(network_file):
            # Weights that are beside a network are read by its path.
            source = read_content(network_file) if network_file.suffix == SUFFIX else str(network_file)
            self._session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
            del source
            self._inputs = [name for name in _INPUTS if name in {item.name for item in self._session.get_inputs()}]
            self._outputs, self._widths = self._find_outputs()
        self._single_label = SingleLabelAnswers(self._settings) if self._problem == "single-label" else None
        rejects = REJECT_ABOVE in self._settings
        self._distances = Distances(folder, options, self._widths[-1]) if rejects else None
        self._clean = TextCleaner(self._settings.get(CLEANING, []))
        ngrams = self._settings.get(NGRAMS)
        self._ngrams = NgramLogits(folder, ngrams, self._widths[0]) if ngrams else None

    def predict(self, texts: Any) -> Any:
        """The answer to each text, in order; to a single string, its answer.

        Args:
            texts: a string, or strings; for a model of pairs, tuples of two strings.

        Returns:
            labels, None where the model abstains, lists of labels, numbers, lists of `Entity`, or vectors, float32
            (n, dim).

        Raises:
            TypeError: for another object.
        """
        is_single = isinstance(texts, str)
        inputs = self.checked([texts] if is_single else list(texts))
        if self._task == ENTITIES:
            answers: Any = self.entities(inputs)
        elif self._problem is None:
            answers = self._compute(inputs)
        else:
            answers = self._decoded(self._compute(inputs))
        return answers[0] if is_single else answers

    def predict_proba(self, texts: Any) -> np.ndarray:
        """The probability of each label, float32 (n, labels), or (labels,) of a single string; see `predict`."""
        if self._problem not in ("single-label", "multi-label"):
            raise TypeError("this model has no labels of texts; use predict")
        is_single = isinstance(texts, str)
        scores = self._scores(self._compute(self.checked([texts] if is_single else list(texts))))
        return scores[0] if is_single else scores

    def records(self, texts: Sequence[Any]) -> list[dict[str, Any]]:
        """The answer to each text as JSON values: "label" and "score", "labels" and "scores", "value", and so on.

        Where the model can abstain, "abstained" says whether it does, and "unknown" whether that is because the text is
        unlike those of the training; where it has sets of labels, "candidates" is one.
        """
        if self._task == ENTITIES:
            return [{"entities": [entity._asdict() for entity in row]} for row in self.predict(texts)]
        outputs = self._compute(self.checked(texts))
        if self._problem is None:
            return [{"vector": row} for row in outputs.tolist()]
        if self._problem == "regression":
            return [{"value": value} for value in self._decoded(outputs)]
        if self._single_label:
            return self._single_label.records(outputs)
        answers, scores = self._decoded(outputs), self._scores(outputs)
        flags = scores >= np.array(self._settings["thresholds"])
        rows = zip(answers, scores, flags, strict=True)
        return [{"labels": names, "scores": row[predicted].tolist()} for names, row, predicted in rows]

    def answers(self, texts: Sequence[Any]) -> dict[str, np.ndarray]:
        """The answers by the names and in the form of all exported models: arrays (n, ...)."""
        if self._task == ENTITIES:
            return entity_arrays(self.entities(texts))
        outputs = self._compute(texts)
        if self._problem is None:
            return {"vector": outputs}
        if self._problem == "regression":
            return {"value": outputs[:, 0].astype(np.float64)}
        if self._single_label:
            return self._single_label.arrays(outputs)
        scores, names = self._scores(outputs), np.array(self._settings["labels"], object)
        predicted = scores >= np.array(self._settings["thresholds"])
        return {"labels": np.broadcast_to(names, scores.shape), "scores": scores, "predicted": predicted}

    def stored_answers(self, texts: Sequence[Any]) -> dict[str, np.ndarray]:
        """The part of `answers` that is compared with stored ones; in int8 the numbers, since labels may differ."""
        return as_int8(self.answers, texts) if self._settings.get("int8") else self.answers(texts)

    def entities(self, texts: Sequence[str]) -> list[list[Entity]]:
        """The entities of each text."""
        words = [split_words(text, self._pattern) for text in texts]
        rows, positions = self._words.pack(words)
        parts: list[Any] = [None] * len(rows.ids)
        for indices, output in self._run(rows):
            for index, vectors in zip(indices.tolist(), output, strict=True):
                parts[index] = vectors[positions[index]]
        logits = np.concatenate([*parts, np.empty((0, len(self._settings["tags"])), np.float32)])
        lengths = np.array([len(text.words) for text in words], np.int64)
        text_ids, ends = np.repeat(np.arange(len(texts)), lengths), np.cumsum(lengths)
        entities: list[list[Entity]] = [[] for _ in texts]
        spans, scores = scored_spans(
            softmax(logits), lengths, self._settings["decoding"], self._settings.get("scoring", WORDS)
        )
        for first, end, label, score in zip(*map(np.ndarray.tolist, (*spans, scores)), strict=True):
            if score < self._settings.get("min_confidence", 0.0):
                continue
            row = int(text_ids[first])
            offset = int(ends[row] - lengths[row])
            start, stop = words[row].starts[first - offset], words[row].ends[end - 1 - offset]
            name = self._settings["labels"][label]
            entities[row].append(Entity(texts[row][start:stop], name, start, stop, round(score, 6)))
        return entities

    def _find_outputs(self) -> tuple[list[str], list[int]]:
        """The names of the network's outputs and their widths, of which the first must be that of the settings."""
        is_vector = self._task == VECTORS
        names = [_EMBEDDING if is_vector else _LOGITS, *([_VECTOR] if REJECT_ABOVE in self._settings else [])]
        outputs = {item.name: item.shape[-1] for item in self._session.get_outputs()}
        widths: list[Any] = [outputs.get(name) for name in names]
        expected = widths[0] if is_vector else len(self._settings.get("tags", self._settings["labels"])) or 1
        if widths[0] != expected or not all(isinstance(width, int) for width in widths):
            raise ValueError(f"its output {' or '.join(names)} is not that of {INFERENCE}")
        return names, widths

    def _compute(self, texts: Sequence[Any]) -> np.ndarray:
        """The outputs of the network with the n-grams beside it, and distances where it has some, float32 (n, ...)."""
        texts = [tuple(map(self._clean, text)) if self.pairs else self._clean(text) for text in texts]
        outputs, width = self._network_outputs(texts), self._widths[0]
        if self._ngrams:
            outputs[:, :width] += self._ngrams.of(texts)
        return np.hstack([outputs[:, :width], self._distances.of(outputs[:, width:])]) if self._distances else outputs

    def _network_outputs(self, texts: Sequence[Any]) -> np.ndarray:
        """The outputs of the network side by side, float32 (n, all widths), averaged over the windows of each text."""
        rows = self._rows.pack([f"{self._prompt}{text}" for text in texts] if self._prompt else texts)
        outputs = np.empty((len(rows.ids), sum(self._widths)), np.float32)
        for indices, output in self._run(rows):
            outputs[indices] = output
        if len(texts) == len(rows.ids):
            return outputs
        starts = np.cumsum(rows.counts) - rows.counts
        sums = np.add.reduceat(outputs, starts, dtype=np.float64)
        return (sums / rows.counts[:, None]).astype(np.float32)  # type: ignore[no-any-return]

    def _run(self, rows: Rows) -> Any:
        """Indices of rows and the outputs for them side by side, batch by batch."""
        for indices in batches([len(row) for row in rows.ids], _MAX_ROWS, self._batch_tokens):
            ids = [rows.ids[index] for index in indices.tolist()]
            feed = {
                "input_ids": padded(ids, self._special["pad"]),
                "attention_mask": padded([[1] * len(row) for row in ids], 0),
                "token_type_ids": padded([rows.segments[index] for index in indices.tolist()], 0),
            }
            values = self._session.run(self._outputs, {name: feed[name] for name in self._inputs})
            yield indices, values[0] if len(values) == 1 else np.hstack(values)

    def _scores(self, outputs: np.ndarray) -> np.ndarray:
        if self._single_label:
            return self._single_label.probabilities(outputs)
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-outputs))  # type: ignore[no-any-return]

    def _decoded(self, outputs: np.ndarray) -> list[Any]:
        if self._problem == "regression":
            return outputs[:, 0].astype(np.float64).tolist()  # type: ignore[no-any-return]
        if self._single_label:
            return self._single_label.predictions(outputs)
        flags = self._scores(outputs) >= np.array(self._settings["thresholds"])
        return [[self.labels[index] for index in np.flatnonzero(row).tolist()] for row in flags]

    def checked(self, texts: Sequence[Any]) -> Sequence[Any]:
        """The texts, pairs as tuples; a TypeError for another object."""
        for number, text in enumerate(texts, 1):
            parts = text if self.pairs and isinstance(text, tuple | list) and len(text) == 2 else (text,)
            if len(parts) != 1 + self.pairs or not all(isinstance(part, str) for part in parts):
                kind = "a pair of strings" if self.pairs else "a string"
                raise TypeError(f"text {number} must be {kind}, not {type(text).__name__}")
        return [tuple(text) for text in texts] if self.pairs else texts


def _threads() -> int:
    """Threads of a product: the cores of a process that may not use all, or 0, the library's default.

    By default there is a thread for each core of the machine, and threads that share a core wait for each other busily.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return cores if cores < (os.cpu_count() or 0) else 0
