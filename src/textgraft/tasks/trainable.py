"""The contract of a task that can be trained: examples, training, evaluation and predictions."""

import pkgutil
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from textgraft.computation import current_computation
from textgraft.data.dataset import Dataset
from textgraft.data.labels import join_first, show_label
from textgraft.data.metrics import find_metric
from textgraft.data.seen_texts import ADAPTATION, SeenRows, SeenTexts, describe_seen, none_seen, take_unseen
from textgraft.data.splits import hold_out_validation
from textgraft.engines.names import TENSORFLOW
from textgraft.errors import ConfigError, DataError, counted, warn
from textgraft.task_specs import task_spec
from textgraft.tasks.base import Task
from textgraft.tasks.co_training import add_unlabelled, co_train, why_no_unlabelled
from textgraft.tasks.fine_tuning.base import FineTuning, Run
from textgraft.tasks.fine_tuning.contrastive import why_not_contrastive
from textgraft.tasks.fine_tuning.frozen import FrozenTokens, FrozenVectors
from textgraft.tasks.fine_tuning.last_blocks import LastBlocks
from textgraft.tasks.fine_tuning.lora import LoRA
from textgraft.tasks.finite_outputs import require_finite_metrics
from textgraft.tasks.head_init import default_head_init, init_head, why_not_logistic
from textgraft.tasks.held_out import (
    Assessment,
    assess_by_cross_validation,
    calibrate,
    cross_validate_initial_head,
    match_confidence,
)
from textgraft.tasks.ngrams import has_default_ngrams, why_no_ngrams
from textgraft.tasks.novelty import Novelty, check_novelty, fit_novelty
from textgraft.tasks.plan import Plan, estimate_cost
from textgraft.tasks.promises import check_promises, report_no_thresholds
from textgraft.tasks.quantization import prove_by_labels, require_enough_texts
from textgraft.tasks.refit import FirstRun, choose_refit, first_run
from textgraft.tasks.row_results import OnResults
from textgraft.tasks.run_record import data_facts, run_record
from textgraft.tasks.shared_run import announce_training, follow_run, share_run
from textgraft.tasks.stored_texts import check_stored_texts, store_texts
from textgraft.tasks.training_data import DataReader
from textgraft.tasks.unknown_tokens import SAMPLE
from textgraft.tasks.validated_rows import RowWindow, pass_windows
from textgraft.training.callbacks import Callback, Callbacks, Continued
from textgraft.training.checkpoints import Checkpoints
from textgraft.training.config import TrainingConfig
from textgraft.training.epochs import extend_for_few_texts, rows_per_epoch
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.history import History
from textgraft.training.id_cache import IdCache
from textgraft.training.loop import Training
from textgraft.training.progress import TrainingBar
from textgraft.training.token_ids import TruncationCount
from textgraft.workers.team import Chief, Follower

WithProgress = Callable[[Iterator[Any]], Iterator[Any]]

_MAX_SHOWN = 5  # labels in `repr`

# Facts about a model that identify a training run.
_RUN_FACTS = ("task", "settings", "preset", "preset_sha256", "backbone", "architecture", "precision", "versions")


class TrainableTask(Task):
    """A task that `fit` trains for an objective."""

    description = "a task that can be trained"
    novelty: Novelty | None = None
    public: ClassVar[tuple[str, ...]] = ("evaluate", "fit", "objective", "plan", "quantize")

    @abstractmethod
    def examples(self, data: Dataset, cache: IdCache | None = None) -> Examples[TokenInputs]:
        """Token ids and targets; a cache is given only where the task is pooled.

        Raises:
            DataError: for data that does not suit the model, such as an unknown label.
        """

    @abstractmethod
    def answers(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[list[Sequence[Any]]]:
        """Stream the cells of each of the objective's `answer_columns`, for each window of texts; see `outputs`."""

    @abstractmethod
    def _evaluate(
        self,
        data: Dataset,
        truncated: TruncationCount,
        with_progress: WithProgress,
        on_results: OnResults | None = None,
    ) -> dict[str, Any]:
        """`evaluate` without "truncated", which it counts."""

    def sample_texts(self, data: Dataset) -> np.ndarray:
        """The first texts of a data set, object (n, ...)."""
        return next(data.batches(SAMPLE)).inputs

    def check_labels(self, data: Dataset) -> None:
        """Raise a DataError for a label that the model does not have, before any other work."""

    def example_location(self, data: Dataset, row: int) -> str:
        """The source of a row of `examples(data)` and a number, for messages."""
        return data.location(row)

    @property
    def has_untrained_head(self) -> bool:
        return "fit" not in self.record

    def fine_tuning(self, **options: Any) -> FineTuning:
        """The fine-tuning mode that fields of `TrainingConfig` select, or a ConfigError for an invalid one."""
        return self.select_mode(TrainingConfig(**options))

    def select_mode(self, config: TrainingConfig) -> FineTuning:
        """The fine-tuning mode that `config.fine_tune` names."""
        name, _, count = config.fine_tune.partition(":")
        if name == "all":
            return FineTuning(self, config)
        if name == "lora":
            return LoRA(self, config, int(count))
        if name == "last":
            return LastBlocks(self, config, int(count))
        return FrozenVectors(self, config) if self.pooled else FrozenTokens(self, config)

    def before_training(
        self, run: Run, run_facts: Mapping[str, Any], checkpoints: Checkpoints | None, callback: Callback
    ) -> dict[str, float]:
        """Work before the first step, once in a run: by default the initialization of the head.

        Checkpoints store what a resumed run needs, by the facts that identify the run.

        Returns:
            metrics to keep beside those of the best epoch.
        """
        mode, is_resumed = run.mode, checkpoints is not None and checkpoints.has_checkpoint
        is_assessed = mode.has_steps and run.is_cross_validated
        metrics = cross_validate_initial_head(run, callback) if is_assessed else {}
        if mode.has_steps and not is_resumed:
            init_head(run, callback)
        return metrics

    def after_training(
        self,
        run: Run,
        train: Examples[Any],
        validation: Examples[Any] | None,
        outputs: Callable[[], Any],
        initial_metrics: Mapping[str, float],
        callback: Callback,
    ) -> Assessment:
        """Work after the last step: by default the calibration of the objective.

        Args:
            run: as it was prepared.
            train: the examples that trained the network.
            validation: those that validated it, if there are any.
            outputs: computes the trained network's metric inputs for the validation examples, or without these for the
                training examples.
            initial_metrics: what `before_training` returned.
            callback: receives messages.
        """
        if validation is None and run.mode.has_steps:
            if run.is_cross_validated:
                callback.on_message(match_confidence(self, outputs(), initial_metrics["val_accuracy"]))
                report_no_thresholds(run, callback)
            return Assessment({})
        if validation is None:
            return assess_by_cross_validation(run, train, callback)
        calibrate(run, train, validation, outputs, callback)
        return Assessment({})

    def fit(
        self,
        data: Any,
        labels: Any = None,
        *,
        validation: Any = None,
        unlabelled: Any = None,
        text: str | None = None,
        label: str | None = None,
        pair: str | None = None,
        callbacks: Callback | Iterable[Callback] = (),
        progress: bool = True,
        checkpoints: Checkpoints | str | Path | None = None,
        chief: Chief | None = None,
        **options: Any,
    ) -> History:
        """Train; the model ends with the weights of its best epoch.

        Args:
            data: texts, a list, array, Series or generator; or labelled as the task needs: a `Dataset`, a DataFrame or
                Arrow table, a `datasets.Dataset` or `DatasetDict`, a `tf.data.Dataset` of (text, label), or a path.
            labels: one for each text, where `data` is texts or a table of them.
            validation: as `data`, or a tuple of texts and labels; evaluated after each epoch. By default the
                validation split of `data`, or a stratified tenth, which is held out; see the option `refit`.
            unlabelled: texts without labels, as `data`, which train a classifier too where labelled texts support that;
                see docs/guide/training.md.
            text: the column of texts, where `data` is a table or a file; inferred as by `load_dataset`.
            label: the column of labels.
            pair: the column of second texts.
            callbacks: receive the events of the run; see `Callback`.
            progress: show a progress bar and messages.
            checkpoints: a folder for the state of the run, or `Checkpoints` already entered; an unfinished run in it is
                resumed, and ends as if it had not been interrupted.
            chief: of the other processes that share the steps, which call `follow`; `textgraft train` starts them.
            options: training options, the fields of `TrainingConfig`.

        Raises:
            ConfigError: for an invalid option, an unfinished run with other options, or an engine that only predicts.
            DataError: for another object, a missing text or label, or a label the model does not have.
            TrainingError: when the loss is no longer finite.
            BusyError: when another process uses the checkpoints.
            InterruptionError: after SIGINT or SIGTERM, with checkpoints; they are saved.
            WorkerError: when another process that shares the steps has ended; with checkpoints, they are saved.
        """
        self._require_trainable()
        reader, callback = self._reader(text=text, label=label, pair=pair), Callbacks(callbacks)
        with ExitStack() as stack:
            stack.callback(callback.close)
            if checkpoints is not None and not isinstance(checkpoints, Checkpoints):
                checkpoints = stack.enter_context(Checkpoints(checkpoints))
            with ExitStack() as on_error:
                on_error.callback(self.objective.snapshot())
                on_error.callback(self.set_novelty, self.novelty)
                self.set_novelty(None)
                run, notices = self._read_run(reader, data, labels, validation, unlabelled, options)
                facts, computation = self._run_facts(run), current_computation(self.precision)
                computation = share_run(run, facts, computation, chief)
                if checkpoints is not None:
                    checkpoints.start_run(facts, computation)
                bar = TrainingBar()
                if progress:
                    callback.add(stack.enter_context(bar))
                callback.on_train_begin(facts, is_resumed=checkpoints is not None and checkpoints.has_checkpoint)
                for examples in run.examples.values():
                    notices += tuple(examples.notices)
                if earlier := self._earlier_training(run):
                    callback.on_message(earlier)
                    if not progress:
                        warn(earlier)
                for notice in notices:
                    callback.on_message(notice)
                run = co_train(run, facts, checkpoints, callback)
                bar.plan((2 if run.refit else 1) * (run.mode.config.epochs or 1), run.rows_per_epoch)
                train_run = partial(
                    self._train, facts=facts, checkpoints=checkpoints, chief=chief, on_start=on_error.pop_all
                )
                if run.refit:
                    first = first_run(
                        facts, checkpoints, partial(self._first_run, run, partial(train_run, run, callback))
                    )
                    history, assessment = self._refit(run, run.refit, first, train_run, callback)
                else:
                    history, assessment = train_run(run, callback)
            stored = store_texts(run, callback)
            self.set_novelty(fit_novelty(run, callback))
            callback.on_train_end(history)
        self.history, (self.replay, self.index, self.reference), self.report = history.records, stored, None
        self.record = run_record(run, facts, computation, history, assessment)
        texts = {name: dataset.digests() for name, dataset in (run.refit or run).data.items()}
        if run.unlabelled:
            texts[ADAPTATION] = run.unlabelled.data.digests()
        salted_by = " ".join(facts["data_sha256"].values())
        self.seen = self.seen.with_texts(texts) if self.seen else SeenTexts.of(texts, salted_by)
        return history

    def follow(self, follower: Follower, data: Any, *, validation: Any = None, **options: Any) -> None:
        """Share the steps of a `fit` with these arguments in another process, the chief, which has the trained model.

        Raises what `fit` raises, and RunEndedError when the chief has ended the run.
        """
        self._require_trainable()
        run, _ = self._read_run(self._reader(text=None, label=None, pair=None), data, None, validation, None, options)
        follow_run(run, self._run_facts(run), follower)

    def plan(
        self,
        data: Any,
        labels: Any = None,
        *,
        validation: Any = None,
        unlabelled: Any = None,
        text: str | None = None,
        label: str | None = None,
        pair: str | None = None,
        **options: Any,
    ) -> Plan:
        """Estimate the cost of `fit` with these arguments, from a few steps that change no weight.

        Raises:
            ConfigError: for an invalid option.
            DataError: see `fit`.
        """
        self._require_trainable()
        reader = self._reader(text=text, label=label, pair=pair)
        with ExitStack() as stack:
            stack.callback(self.objective.snapshot())
            run, _ = self._read_run(reader, data, labels, validation, unlabelled, options)
            return estimate_cost(run)

    def evaluate(
        self,
        data: Any,
        labels: Any = None,
        *,
        text: str | None = None,
        label: str | None = None,
        pair: str | None = None,
        store: bool = False,
        with_progress: WithProgress = iter,
        unseen: bool = False,
        on_results: OnResults | None = None,
    ) -> dict[str, Any]:
        """Test the model.

        Args:
            data: as in `fit`, without training examples; of several splits, that of the name test is used.
            labels: one for each text, where `data` is texts or a table of them.
            text: the column of texts, where `data` is a table or a file; by default as in training.
            label: the column of labels.
            pair: the column of second texts.
            store: save the metrics with the model, as those of its final test.
            with_progress: wraps the iterator over batches of texts, such as by a progress bar.
            unseen: leave out the texts that the model has seen; see `SeenTexts`.
            on_results: called with consecutive rows, a part of the data, and a `RowResult` for each.

        Returns:
            metrics of the objective, as JSON values, and "truncated" {texts, tokens}; also "seen", where the model
            knows its training texts: the number of texts that it was trained and validated on, {train, validation},
            and of those excluded, {excluded}, where `unseen`.

        Raises:
            DataError: for another object, a missing text or label, or a label the model does not have; or when no text
                is left.
            ConfigError: for `unseen` where the model does not know its training texts, and for `on_results` of a
                language model.
            PredictionError: when an output or a metric is not finite.
        """
        data = self.read_test_data(data, labels, text=text, label=label, pair=pair)
        self.warn_if_untrained()
        truncated = TruncationCount()
        data, seen = self.find_seen(data, unseen)
        metrics = self._evaluate(data, truncated, with_progress, on_results)
        require_finite_metrics(metrics)
        metrics |= {"truncated": asdict(truncated), **seen}
        if store:
            self.record.setdefault("metrics", {})["test"] = self.objective.stored_metrics(metrics)
            self.record.setdefault("data", {})["test"] = data_facts(data, truncated)
        return metrics

    def quantize(
        self,
        data: Any,
        labels: Any = None,
        *,
        text: str | None = None,
        label: str | None = None,
        pair: str | None = None,
        with_progress: WithProgress = iter,
    ) -> dict[str, Any]:
        """Predict in int8 by ONNX Runtime from now on, where it is proved that the answers stay the same.

        On texts that the model was not trained on, at least 99 % of the answers must be those in float32, and at most
        0.3 points of the metric may be lost; otherwise parts of the network stay in float32. `save` stores the proof,
        which `load(..., engine="onnx", precision="int8")` needs.

        Args:
            data: as in `evaluate`.
            labels: as in `evaluate`.
            text: as in `evaluate`.
            label: as in `evaluate`.
            pair: as in `evaluate`.
            with_progress: as in `evaluate`.

        Returns:
            the proof: "agreement", "lost", "metric", "texts", and "float32", the names of the parts in float32.

        Raises:
            ConfigError: when int8 does not suffice, the engine is not installed or does not compute such a network, or
                the model has no labels.
            DataError: as `evaluate`, and for less than 100 texts.
        """
        spec = task_spec(self.name)
        if not spec.labelled or not getattr(self, "labels", ()):
            raise ConfigError(f"precision int8 is proved by labels, which a model for {self.name} without labels lacks")
        data = self.read_test_data(data, labels, text=text, label=label, pair=pair)
        require_enough_texts(data.source, len(data))
        metric = spec.schema(self.settings()).headline[0]
        proof = prove_by_labels(self, data, metric, with_progress)
        others = [other for other in self.record.get("int8", []) if other["processor"] != proof["processor"]]
        self.record["int8"] = [*others, proof]
        return proof

    def evaluate_validation(
        self, data: Dataset, with_progress: WithProgress = iter, on_results: OnResults | None = None
    ) -> dict[str, Any]:
        """`evaluate` on the validation set of the training; the model folder keeps the metrics for its card."""
        truncated = TruncationCount()
        metrics = self._evaluate(data, truncated, with_progress, on_results) | {"truncated": asdict(truncated)}
        require_finite_metrics(metrics)
        self.record["metrics"]["validation_report"] = self.objective.stored_metrics(metrics)
        return metrics

    def find_seen(self, data: Dataset, unseen: bool) -> tuple[Dataset, dict[str, Any]]:
        """The data that `evaluate` takes, and its "seen"; warns of texts that the model was trained on."""
        if self.seen is None:
            if unseen:
                raise ConfigError("this model keeps no digests of training texts; drop unseen")
            return data, {}
        rows = SeenRows(self.seen)
        is_unseen = rows.add(data.digests())
        record = rows.record()
        if unseen:
            data, record = take_unseen(data, is_unseen), none_seen(is_unseen)
        if line := describe_seen(data.source, record, len(data)):
            warn(line if unseen else f"{line}; set unseen to exclude them")
        return data, {"seen": record}

    def training_config(self, options: dict[str, Any]) -> TrainingConfig:
        """The training config with these fields and this model's defaults, for a data set that is not small.

        Raises:
            ConfigError: for an unknown field, or one that does not suit the task.
        """
        names = [field.name for field in fields(TrainingConfig)]
        if unknown := options.keys() - names:
            names = ["validation", "callbacks", "progress", "checkpoints", *names]
            raise ConfigError(f"unknown option {', '.join(sorted(unknown))}; fit takes {', '.join(names)}")
        try:
            mode = self.fine_tuning(**options)
        except TypeError as error:
            raise ConfigError(f"fit: wrong type of an option ({error}); see TrainingConfig") from error
        if mode.config.head == "logistic" and (problem := why_not_logistic(self)):
            raise ConfigError(problem)
        if mode.config.balance != "none" and not self.objective.balances:
            raise ConfigError("balance applies to labels of whole texts, and this model has none; drop balance")
        if mode.config.ngrams and (problem := why_no_ngrams(task_spec(self.name), self.settings(), mode.config)):
            raise ConfigError(problem)
        if mode.config.contrastive and (problem := why_not_contrastive(self)):
            raise ConfigError(problem)
        metric = find_metric(mode.config.metric, self.objective.selectable)
        mode.check(options)
        check_stored_texts(self, mode.config)
        check_promises(self.objective, mode.config)
        check_novelty(self.objective, mode.config)
        defaults = {name: value for name, value in mode.defaults.items() if options.get(name) is None}
        return replace(mode.config, metric=metric.name, **defaults).with_defaults(self.backbone.training_defaults)

    def _facts(self) -> list[str]:
        labels, data, fit = self.objective.labels, self.record.get("data", {}), self.record.get("fit")
        shown = [show_label(label) for label in labels[:_MAX_SHOWN]]
        named = [f"labels {join_first(shown, len(labels))}"] if labels else []
        if fit is None or "train" not in data:
            training = "untrained" if self.has_untrained_head else "not trained further"
        else:
            training = f"trained on {data['train']['texts']:,} texts, {len(self.history)} epochs"
        task, preset = super()._facts()
        return [task, *named, preset, training]

    def _require_trainable(self) -> None:
        if self.engine != TENSORFLOW:
            raise ConfigError(f"a model with engine {self.engine} is not trained; load it with engine {TENSORFLOW}")
        if self.has_fixed_weights:
            raise ConfigError("a model with fixed weights is not trained; load it without trainable=False")

    def read_test_data(self, data: Any, labels: Any = None, **columns: str | None) -> Dataset:
        """The data set that `evaluate` takes; arguments and errors: see there."""
        return self._reader(**columns).read(data, labels, split="test")

    def _reader(self, **columns: str | None) -> DataReader:
        return DataReader(task_spec(self.name), self._reading(**columns))

    def set_novelty(self, novelty: Novelty | None) -> None:
        """Reject unknown texts by distances from now on, or none."""
        if novelty is not self.novelty:
            self.novelty = novelty
            self._compile()

    def _earlier_training(self, run: Run) -> str | None:
        """A line for the user where the model has been trained already."""
        if self.has_untrained_head or "fit" not in self.record:
            return None
        effect = "training continues from its weights" if run.mode.has_steps else "the head is fitted anew"
        return f"the model is trained already: {effect}; create a new model to start afresh"

    def _train(
        self,
        run: Run,
        callback: Callback,
        facts: Mapping[str, Any],
        checkpoints: Checkpoints | None,
        chief: Chief | None,
        on_start: Callable[[], Any],
    ) -> tuple[History, Assessment]:
        """Train, calibrate and assess the network; `on_start` is called before the first weight changes."""
        initial_metrics = self.before_training(run, facts, checkpoints, callback)
        with run.mode.adapted():
            built = run.mode.build(run.examples, callback)
            solution = run.mode.solve(built.train, built.validation, callback)
            on_start()
            if solution:
                history, outputs = solution
            else:
                announce_training(run, chief)
                location = partial(self._location, run)
                training = Training(*built, run.mode.config, callback, location, run.last_epoch, chief)
                history, outputs = training.run(checkpoints), training.outputs
            assessment = self.after_training(run, built.train, built.validation, outputs, initial_metrics, callback)
        return history, assessment._replace(metrics={**initial_metrics, **assessment.metrics})

    def _read_run(
        self,
        reader: DataReader,
        data: Any,
        labels: Any,
        validation: Any,
        unlabelled: Any,
        options: dict[str, Any],
    ) -> tuple[Run, tuple[str, ...]]:
        """The prepared run of `fit` with these arguments, and lines for the user about the data that is read."""
        config = self.training_config(options)
        if unlabelled is not None and (problem := why_no_unlabelled(self, config)):
            raise ConfigError(problem)
        train, held_out, notices = reader.read_training(data, labels, validation, config.seed)
        run = self._prepare_run(train, held_out, options)
        if (texts := reader.read_unlabelled(unlabelled, train.roles)) is not None:
            run = add_unlabelled(run, texts, config, options)
        return run, notices

    def _prepare_run(self, data: Dataset, validation: Dataset | None, options: dict[str, Any]) -> Run:
        config = self.training_config(options)
        notices: tuple[str, ...] = ()
        self.check_labels(data)
        if validation is None:
            data, validation, notices = hold_out_validation(data, config.seed)
        splits = {"train": data, "validation": validation}
        if empty := [name for name, dataset in splits.items() if not len(dataset)]:
            raise DataError(f"{' and '.join(empty)}: no texts; each of the two sets needs at least one")
        if options.get("head") is None:
            config = replace(config, head=default_head_init(self.select_mode(config), data, options))
        mode = self.select_mode(config)
        refit = choose_refit(mode, validation, options)
        if refit and not refit.has_first_run:
            splits, notices = {"train": refit.data}, (f"refit: all {len(refit.data):,} texts train the model",)
        if options.get("ngrams") is None:
            config = replace(config, ngrams=has_default_ngrams(self, mode, splits, refit is not None))
        config = replace(config, refit=refit is not None)
        self.objective.prepare(splits["train"])
        cache = mode.id_cache()
        examples = {"train": self._training_examples(splits["train"], config, cache)}
        if "validation" in splits:
            examples["validation"] = self.examples(splits["validation"], cache)
        [*examples.values()][-1].notices += notices
        train = examples["train"]
        unknown = self.count_unknown()
        unknown.add(train.inputs.tokens.ids, self.sample_texts(data))
        unknown.warn(self._is_first_unknown)
        if mode.has_steps:
            rows = rows_per_epoch(len(train), train.sampling_weights)
            config = extend_for_few_texts(config, rows, options, mode.min_steps)
        else:
            config = replace(config, epochs=1)
        run = Run(self.select_mode(config), splits, examples)
        if refit and refit.has_first_run:
            all_examples = {"train": self._training_examples(refit.data, config, cache)}
            run = replace(run, refit=Run(run.mode, {"train": refit.data}, all_examples))
        return run

    def _training_examples(self, data: Dataset, config: TrainingConfig, cache: IdCache | None) -> Examples[TokenInputs]:
        examples = self.examples(data, cache)
        if config.balance == "oversample":
            examples.sampling_weights = self.objective.sampling_weights(examples.targets)
        return examples

    def _first_run(self, run: Run, train: Callable[[], tuple[History, Assessment]]) -> FirstRun:
        """Train and evaluate on the validation texts; then the weights are again those of before."""
        initial = {name: variable.numpy() for name, variable in self.weights.items()}
        history, assessment = train()
        windows: list[RowWindow] = []
        keep = self.on_validated and (lambda _, results: windows.append(RowWindow.of(results)))
        report = self._evaluate(run.data["validation"], TruncationCount(), iter, keep)
        require_finite_metrics(report)
        calibration = {name: np.asarray(getattr(self.objective, name)).tolist() for name in self.objective.calibrated}
        for name, variable in self.weights.items():
            variable.assign(initial[name])
        return FirstRun(history, assessment._replace(report=report), calibration, windows)

    def _refit(
        self,
        run: Run,
        refit: Run,
        first: FirstRun,
        train: Callable[..., tuple[History, Assessment]],
        callback: Callback,
    ) -> tuple[History, Assessment]:
        """Train on all texts as in the first run, up to its best epoch, with its calibration."""
        if self.on_validated is not None:
            pass_windows(first.windows, run.data["validation"], self.on_validated)
        for name, value in first.calibration.items():
            setattr(self.objective, name, np.asarray(value) if isinstance(value, list) else value)
        epochs, texts = first.history.best_epoch, len(refit.data["train"])
        callback.on_message(f"refit on all {texts:,} texts: {counted(epochs, 'epoch')}, as selected in the first run")
        earlier_epochs = len(first.history.records)
        continued = Continued(callback, earlier_epochs * run.steps_per_epoch, earlier_epochs)
        refit_history, _ = train(replace(refit, last_epoch=epochs), continued)
        history = replace(
            first.history,
            seconds=first.history.seconds + refit_history.seconds,
            graphs=first.history.graphs + refit_history.graphs,
        )
        return history, first.assessment

    def _location(self, run: Run, row: int) -> str:
        return self.example_location(*run.training_row(row))

    def _run_facts(self, run: Run) -> dict[str, Any]:
        """The facts that identify a run; a difference in any of them makes another run."""
        model = self.config()
        return {
            **{name: model[name] for name in _RUN_FACTS},
            "fit": asdict(run.mode.config),
            "data_sha256": {name: dataset.fingerprint() for name, dataset in run.all_data.items()},
        }


def task_class(task: str) -> type[TrainableTask]:
    """The class of a task that can be trained, by its id.

    Raises:
        ConfigError: when there is none.
    """
    kind: type[Task] = pkgutil.resolve_name(task_spec(task).class_path)
    if not issubclass(kind, TrainableTask):
        raise ConfigError(f"{task} cannot be trained")
    return kind
