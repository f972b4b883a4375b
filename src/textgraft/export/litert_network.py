"""A written LiteRT folder: texts to outputs, one text at a time, as a program on a phone computes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textgraft.export.format import Answers, Text
from textgraft.export.hugging_face_answers import text_objective
from textgraft.export.hugging_face_files import CONFIG, TOKENIZER
from textgraft.export.wheel_runtime.rows import TextRows
from textgraft.runtime import suppressed_native_stderr
from textgraft.storage.preset_files import read_json
from textgraft.tasks.objectives import TextObjective
from tokenizers import Tokenizer

NETWORK = "model.tflite"
VECTOR = "vector"
SIGNATURE = "length_"  # and the length


class LiteRtNetwork:
    """The files of a folder that was exported to litert.

    Attributes:
        objective: of a classifier, with calibrated outputs; None for an embedder.
        is_int8: whether weights are in int8.
    """

    def __init__(self, folder: Path) -> None:
        """Open the network and the tokenizer.

        Raises:
            Exception: of any type, when the files cannot be read.
        """
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(folder / NETWORK))
        tokenizer, config = Tokenizer.from_file(str(folder / TOKENIZER)), read_json(folder / CONFIG)
        length = (tokenizer.truncation or {})["max_length"]
        self._rows = TextRows(tokenizer, {"sequence_length": length, "truncation": "head"})
        self._runners = {
            int(name.removeprefix(SIGNATURE)): interpreter.get_signature_runner(name)
            for name in interpreter.get_signature_list()
        }
        self.objective: TextObjective | None = text_objective(config) if "id2label" in config else None
        self.is_int8 = any(tensor["dtype"] == np.int8 for tensor in interpreter.get_tensor_details())

    def outputs(self, texts: Sequence[Text]) -> np.ndarray:
        """Calibrated logits, float32 (n, outputs), or vectors (n, dim); n is at least 1."""
        rows = self._rows.pack(texts)
        with suppressed_native_stderr():  # LiteRT announces its kernels in its first call
            return np.concatenate([self._run(*row) for row in zip(rows.ids, rows.segments, strict=True)])

    def answers(self, texts: Sequence[Text]) -> Answers:
        """The answers by the names of all exported models."""
        outputs = self.outputs(texts)
        return {VECTOR: outputs} if self.objective is None else self.objective.named_answers(outputs)

    def _run(self, ids: list[int], segments: list[int]) -> Any:
        """The outputs (1, ...) for a row of tokens, at the shortest length that has space for them."""
        length = next(length for length in sorted(self._runners) if length >= len(ids))
        columns = {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": segments}
        rows = {
            name: np.array([[*columns[name], *[0] * (length - len(ids))]], np.int32)
            for name in self._runners[length].get_input_details()
        }
        (output,) = self._runners[length](**rows).values()
        return output
