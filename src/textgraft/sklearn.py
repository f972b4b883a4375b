"""A text classifier with the interface of scikit-learn."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import assert_all_finite, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.label_types import LabelTypes, label_type
from textgraft.data.lists import check_text
from textgraft.data.python_inputs import is_missing, is_source, type_name, values_of
from textgraft.data.streams import read_texts
from textgraft.data.tables import only_column
from textgraft.errors import ConfigError, DataError, error_summary
from textgraft.runtime import start_tensorflow
from textgraft.training.recipes import frozen_options


class InputError(DataError, ValueError):
    """Texts or labels that an estimator cannot use; scikit-learn expects a ValueError."""


class TextClassifier(ClassifierMixin, BaseEstimator):
    """Fine-tunes a pretrained model on texts and their labels.

    It works in pipelines, grid searches and cross-validation. Pickles and copies hold the files of a model folder.

    Attributes:
        classes_: the labels, sorted, in the order of `predict_proba`.
        model_: the trained `textgraft.TextClassifier`.
    """

    def __init__(
        self,
        preset: str = "minilm",
        *,
        fine_tune: str = "all",
        head: str | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        balance: str = "none",
        ngrams: bool | None = None,
        sequence_length: int | None = None,
        text: str | None = None,
        random_state: Any = 0,
        verbose: int = 0,
        model_options: Mapping[str, Any] | None = None,
        fit_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the arguments; a model is loaded by `fit`.

        Args:
            preset: name, address or path; see docs/guide/presets.md.
            fine_tune: as the training option of this name, like `head`, `epochs`, `batch_size`, `learning_rate`,
                `balance` and `ngrams`.
            head: how the head is trained or initialized.
            epochs: maximum number of epochs.
            batch_size: texts per step.
            learning_rate: peak learning rate.
            balance: treatment of rare labels.
            ngrams: add a linear model of the texts' words; by default where enough texts are held out to weigh it.
            sequence_length: maximum tokens per text; by default, a frozen minilm reads long texts in windows.
            text: the text column, where texts are a data frame; by default its only column, or one named as a text.
            random_state: seed of the head's weights and of the training, as scikit-learn takes it.
            verbose: 1 shows progress.
            model_options: other arguments of `textgraft.TextClassifier`.
            fit_options: other training options.
        """
        self.preset = preset
        self.fine_tune = fine_tune
        self.head = head
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.balance = balance
        self.ngrams = ngrams
        self.sequence_length = sequence_length
        self.text = text
        self.random_state = random_state
        self.verbose = verbose
        self.model_options = model_options
        self.fit_options = fit_options

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Train on texts X and one label for each.

        Raises:
            InputError: for texts or labels that cannot be used.
            TextgraftError: see `textgraft.TextClassifier`.
        """
        texts, labels = self._texts(X), _labels(y)
        if len(labels) != len(texts):
            raise InputError(f"inconsistent numbers of samples: {len(texts)} texts but {len(labels)} labels")
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"y has one class, {self.classes_[0]!r}; training needs at least two")
        names, seed = self._names(), _seed(self.random_state)
        start_tensorflow()
        from textgraft.tasks.text_classification import TextClassifier as Model

        architecture: dict[str, Any] = {"labels": names, "seed": seed, "sequence_length": self.sequence_length}
        options = {"progress": bool(self.verbose), "seed": seed} | {name: getattr(self, name) for name in _FIT_OPTIONS}
        architecture |= _other_options("model_options", self.model_options, {"preset", *architecture})
        options |= _other_options("fit_options", self.fit_options, {"data", *options})
        if self.fine_tune == "none":
            chosen = {name: value for name, value in architecture.items() if value is not None}
            architecture |= frozen_options(str(self.preset), {"pairs": False}, chosen)
        self.model_ = Model(self.preset, **architecture)
        self.model_.fit(Dataset.from_lists(texts, [names[code] for code in codes]), **options)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The label of each text, (n,)."""
        indices = self.predict_proba(X).argmax(axis=1)
        return self.classes_[indices]  # type: ignore[no-any-return]

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """The probability of each of `classes_`, float32 (n, classes)."""
        check_is_fitted(self)
        return self.model_.predict_proba(self._texts(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        return tags

    def _names(self) -> list[Any]:
        """The classes as labels of a model; those that cannot be labels, such as fractions, by their numbers."""
        names = self.classes_.tolist()
        return names if all(label_type(name) for name in names) else list(range(len(names)))

    def _texts(self, data: Any) -> list[str]:
        if isinstance(data, np.ndarray) and data.ndim == 2 and data.shape[1] == 1:
            data = data[:, 0]  # a column that a pipeline selected
        try:
            if is_source(data):
                reading = Reading(text=self.text or only_column(data), paired=False)
                return [text.decode() for batch in read_texts(data, None, reading) for text in batch.texts]
            texts = list(values_of(data, "X"))
            for row, text in enumerate(texts, start=1):
                check_text(text, f"X, row {row}")
        except DataError as error:
            raise InputError(str(error)) from error
        if not texts:
            raise InputError("X has 0 texts; at least one is required")
        return texts


def _other_options(name: str, options: Any, known: set[str]) -> dict[str, Any]:
    """The options of a parameter that holds several, none of which may be set by a parameter of its own."""
    options = {} if options is None else options
    if not isinstance(options, Mapping):
        raise ConfigError(f"{name} must be a dictionary of options by name, not {type_name(options)}")
    if repeated := [option for option in options if option in known]:
        raise ConfigError(f"{name} has {repeated[0]}, which the estimator sets; use its own parameters, or drop it")
    return dict(options)


def _labels(y: Any) -> np.ndarray:
    """One label per text, as the user has them, (n,)."""
    if y is None:
        raise InputError("TextClassifier requires y to be passed, but the target y is None")
    try:
        if not hasattr(type(y), "__array__"):
            y = list(values_of(y, "y"))
        labels = column_or_1d(y, warn=True)
        if missing := [row for row, label in enumerate(labels.tolist(), start=1) if is_missing(label)]:
            raise InputError(f"Input y contains NaN: row {missing[0]} has no label; fill it in, or drop the row")
        assert_all_finite(labels, input_name="y")
        if labels.dtype == object and not any(isinstance(label, float) for label in labels):
            types = LabelTypes()
            for label in labels:
                types.name(label)
        check_classification_targets(labels)
    except (DataError, TypeError, ValueError) as error:
        raise InputError(error_summary(error)) from error
    return np.asarray(labels)


def _seed(random_state: Any) -> int:
    """A whole number as it is, else one that is drawn."""
    is_number = isinstance(random_state, Integral)
    return int(random_state) if is_number else int(check_random_state(random_state).randint(2**31 - 1))


_FIT_OPTIONS = ("fine_tune", "head", "epochs", "batch_size", "learning_rate", "balance", "ngrams")
