"""Long-lived processes: memory, threads, forks and new processes, signals and errors in a training."""

import _thread
import asyncio
import ctypes
import gc
import multiprocessing
import random
import signal
import sys
import threading
import weakref
from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import textgraft as tg
from tests.helpers.paths import GOLDEN
from textgraft.errors import ModelFolderError, PresetError, TextgraftError, TextgraftWarning
from textgraft.model_folder.backbone import rebuilding
from textgraft.runtime import thread_pool
from textgraft.training.interruption import Interruption

pytestmark = pytest.mark.filterwarnings("ignore::textgraft.errors.TextgraftWarning")

WORDS = ["the", "a", "film", "was", "good", "bad", "fine", "dull", "not", "very", "plot", "zebra", "."]
FIT = {"epochs": 1, "batch_size": 8, "progress": False, "keep_reference": 0}
THREADS = 16
MAX_GROWTH = 0.02  # of the memory of the process


def texts_of(sizes, seed=0):
    choose = random.Random(seed)
    return [" ".join(choose.choices(WORDS, k=size)) for size in sizes]


TEXTS = texts_of([3, 60, 1, 9, 20, 90, 5, 2])
LABELLED = (texts_of([6] * 24), ["a", "b"] * 12)


def classifier(preset, **options):
    return tg.TextClassifier(preset, ["a", "b"], precision="float32", **options)


TASKS = {
    "labels": (classifier, lambda model, texts: model.predict_proba(texts)),
    "windows": (
        lambda preset: classifier(preset, truncation="windows", sequence_length=16),
        lambda model, texts: model.predict_proba(texts),
    ),
    "vectors": (tg.TextEmbedder, lambda model, texts: model.predict(texts)),
    "entities": (lambda preset: tg.TokenClassifier(preset, ["P"]), lambda model, texts: model.predict(texts)),
    "masks": (tg.MaskFiller, lambda model, texts: model.predict([f"{text} [MASK]" for text in texts])),
    "text": (
        lambda preset: tg.TextGenerator(GOLDEN / "gpt2"),
        lambda model, texts: model.generate(texts[:3], max_new_tokens=4),
    ),
}


def task(name, preset):
    """A model, and the function that asks it."""
    make, ask = TASKS[name]
    return make(preset), ask


def assert_same(answers, expected):
    if isinstance(expected, np.ndarray):
        np.testing.assert_allclose(answers, expected, atol=1e-6)
    else:
        assert str(answers) == str(expected)  # scores are rounded, and labels and offsets equal


# === Memory ===


def memory(kind):
    """KiB of the process in RAM, after everything that can be freed is freed: "VmRSS", or "RssAnon" without files."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind))


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def graph_of(model):
    return weakref.ref(model._infer.get_concrete_function().graph)


def test_graph_of_a_dropped_model_is_freed(tiny_bert):
    model = classifier(tiny_bert)
    model.predict(TEXTS)
    references = [graph_of(model), weakref.ref(model.backbone.network), weakref.ref(model)]
    del model
    gc.collect()
    assert [reference() for reference in references] == [None] * 3


@pytest.mark.parametrize("work", ["build", pytest.param("train", marks=pytest.mark.slow)])
def test_variables_of_models_and_trainings_get_no_new_names(tiny_bert, monkeypatch, work):
    """TensorFlow keeps something for each name of a variable."""
    created = []
    build = keras.Variable.__init__

    def record(variable, *arguments, **options):
        build(variable, *arguments, **options)
        created.append(variable.path)

    monkeypatch.setattr(keras.Variable, "__init__", record)
    paths = []
    for _ in range(2):
        created.clear()
        model = classifier(tiny_bert, hidden=(4,))
        if work == "train":
            model.fit(*LABELLED, **FIT)
        paths.append([*created])
    assert paths[0] == paths[1]
    assert len(paths[0]) > 20


def test_names_of_the_users_layers_go_on(tiny_bert):
    before = keras.layers.Dense(1)
    classifier(tiny_bert)
    after = keras.layers.Dense(1)
    assert int(after.name.rpartition("_")[2]) == int(before.name.rpartition("_")[2].replace("dense", "0")) + 1


def test_predictions_start_no_threads(tiny_bert, monkeypatch):
    model, started = classifier(tiny_bert), []
    many = texts_of([2] * 600)
    model.predict(many)
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (started.append(thread), start(thread)))
    model.predict(many)
    model.predict("a film")
    pool = {thread for thread in threading.enumerate() if thread.name.startswith("textgraft_")}
    assert set(started) <= pool  # which starts its threads as they are needed
    assert len(pool) <= thread_pool()._max_workers


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "calls"),
    [("labels", 10_000), ("windows", 3000), ("vectors", 3000), ("entities", 3000), ("masks", 2000), ("text", 1000)],
)
def test_memory_is_flat_over_many_predictions(tiny_bert, name, calls):
    model, ask = task(name, tiny_bert)
    choose = random.Random(1)

    def call():
        ask(model, texts_of(choose.choices([1, 2, 5, 9, 20, 50, 90], k=choose.choice([1, 1, 2, 5, 17, 40])), calls))

    for _ in range(400):
        call()
    before, limit = memory("RssAnon"), MAX_GROWTH * memory("VmRSS")
    for _ in range(calls):
        call()
    assert memory("RssAnon") - before < limit


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize(("work", "warm_up", "times"), [("load", 20, 200), ("fit", 6, 30), ("new model", 6, 30)])
def test_memory_is_flat_over_many_models_and_trainings(two_layer_bert, tmp_path, work, warm_up, times):
    model = classifier(two_layer_bert)
    model.save(tmp_path / "model")

    def once():
        if work == "load":
            tg.load(tmp_path / "model").predict(TEXTS)
        else:
            (model if work == "fit" else classifier(two_layer_bert)).fit(*LABELLED, **FIT)

    for _ in range(warm_up):
        once()
    before = memory("RssAnon")
    for _ in range(times):
        once()
    assert memory("RssAnon") - before < times * 1024  # what TensorFlow keeps; with its graph, each had 3 MB


# === Threads ===


def ask_from_threads(model, ask, parts):
    """Answers to all parts, asked from many threads that begin at the same time."""
    barrier = threading.Barrier(THREADS)

    def work(index):
        barrier.wait()
        return [(number, ask(model, parts[number])) for number in range(index % len(parts), len(parts))]

    with ThreadPoolExecutor(THREADS) as threads:
        return [answer for answers in threads.map(work, range(THREADS)) for answer in answers]


@pytest.mark.parametrize(
    "name", ["labels", *(pytest.param(name, marks=pytest.mark.slow) for name in TASKS if name != "labels")]
)
def test_threads_share_a_model_from_the_first_call_on(tiny_bert, name):
    model, ask = task(name, tiny_bert)
    same_model, _ = task(name, tiny_bert)
    parts = [texts_of([1, 9, 90], seed) for seed in range(4)]
    expected = [ask(same_model, part) for part in parts]
    for number, answers in ask_from_threads(model, ask, parts):
        assert_same(answers, expected[number])
    assert model._infer.experimental_get_tracing_count() <= 1


@pytest.mark.filterwarnings("always::textgraft.errors.TextgraftWarning")
def test_threads_get_a_warning_once(tiny_word_vectors):
    model = classifier(tiny_word_vectors)
    with pytest.warns(TextgraftWarning) as caught:
        ask_from_threads(model, lambda model, texts: model.predict(texts), [["unknown words only"], ["zebra zebra"]])
    messages = [str(warning.message) for warning in caught]
    assert len([message for message in messages if "untrained" in message]) == 1
    assert len([message for message in messages if "unknown to" in message]) == 1


@pytest.mark.slow
def test_evaluation_training_and_loading_beside_predictions(tiny_bert, two_layer_bert, tmp_path):
    model, other = classifier(tiny_bert), classifier(two_layer_bert)
    other.save(tmp_path / "model")
    expected, loss = model.predict_proba(TEXTS), model.evaluate(*LABELLED)["loss"]
    alone = classifier(two_layer_bert)
    alone.fit(*LABELLED, **FIT)
    with ThreadPoolExecutor(4) as threads:
        training = threads.submit(other.fit, *LABELLED, **FIT)
        evaluations = [threads.submit(model.evaluate, *LABELLED) for _ in range(4)]
        loading = [threads.submit(tg.load, tmp_path / "model", "mixed_bfloat16") for _ in range(3)]
        for _ in range(20):
            assert_same(model.predict_proba(TEXTS), expected)
        training.result()
        assert [future.result()["loss"] for future in evaluations] == pytest.approx([loss] * 4)
        assert {future.result().precision for future in loading} == {"mixed_bfloat16"}
    assert_same(other.predict_proba(TEXTS), alone.predict_proba(TEXTS))


def test_damaged_model_folder_does_not_reset_the_state_of_other_threads(tmp_path):
    is_set, is_loaded, policies = threading.Event(), threading.Event(), []

    def other():
        keras.config.set_dtype_policy("mixed_bfloat16")
        is_set.set()
        is_loaded.wait(10)
        policies.append(keras.config.dtype_policy().name)

    thread = threading.Thread(target=other)
    thread.start()
    is_set.wait(10)
    layer = keras.layers.Dense(3, name="discarded")

    def rebuild():
        with rebuilding(SimpleNamespace(folder=tmp_path)):
            layer.build((None, 2))
            raise PresetError("damaged")

    with pytest.raises(ModelFolderError, match="cannot be rebuilt"):
        rebuild()
    is_loaded.set()
    thread.join()
    assert policies == ["mixed_bfloat16"]
    assert layer.kernel._value is None  # not allocated
    with keras.StatelessScope():
        pass
    assert layer.kernel._value is None


def test_global_dtype_policy_does_not_change_models(tiny_bert):
    expected = classifier(tiny_bert, hidden=(8,)).predict_proba(TEXTS)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    try:
        model = classifier(tiny_bert, hidden=(8,))
        np.testing.assert_array_equal(model.predict_proba(TEXTS), expected)
        assert keras.config.dtype_policy().name == "float16"
    finally:
        keras.config.set_dtype_policy(policy)


@pytest.mark.slow
def test_training_does_not_depend_on_those_before_it(tiny_bert, two_layer_bert):
    def train(preset, seed):
        model = classifier(preset, seed=seed)
        model.fit(*LABELLED, seed=seed, **FIT)
        return model.predict_proba(TEXTS)

    expected = train(tiny_bert, 1)
    train(two_layer_bert, 2)
    keras.utils.set_random_seed(3)
    np.testing.assert_array_equal(train(tiny_bert, 1), expected)


# === Processes ===


def answer_of(queue, function):
    try:
        queue.put(function())
    except TextgraftError as error:
        queue.put(str(error))


def in_fork(function):
    """The result of a function in a forked process, or the message of its error."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=answer_of, args=(queue, function), daemon=True)
    process.start()
    try:
        return queue.get(timeout=30)  # an operation of TensorFlow would wait forever
    finally:
        process.kill()


@pytest.mark.parametrize("work", ["predict", "evaluate", "fit", "new", "load"])
def test_forked_process_gets_an_error(tiny_word_vectors, tmp_path, work):
    model = classifier(tiny_word_vectors)
    model.save(tmp_path / "model")
    works = {
        "predict": lambda: model.predict(TEXTS),
        "evaluate": lambda: model.evaluate(*LABELLED),
        "fit": lambda: model.fit(*LABELLED, **FIT),
        "new": lambda: classifier(tiny_word_vectors),
        "load": lambda: tg.load(tmp_path / "model"),
    }
    message = in_fork(works[work])
    assert message.startswith("this process was forked after TensorFlow had started")
    assert '"spawn"' in message


@pytest.mark.parametrize("name", ["entities", "text", "masks"])
def test_forked_process_gets_an_error_for_each_task(tiny_bert, name):
    model, ask = task(name, tiny_bert)
    assert "was forked after TensorFlow" in in_fork(lambda: ask(model, TEXTS))


@pytest.mark.slow
def test_new_processes_answer_with_a_model_passed_to_them(tiny_bert):
    joblib = pytest.importorskip("joblib")
    model = classifier(tiny_bert)
    expected = model.predict_proba(TEXTS)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        assert_same(processes.submit(model.predict_proba, TEXTS).result(timeout=300), expected)
    for answers in joblib.Parallel(2)(joblib.delayed(model.predict_proba)(TEXTS) for _ in range(2)):
        assert_same(answers, expected)


@pytest.mark.slow
def test_cross_validation_in_two_processes(tiny_bert):
    from sklearn.model_selection import cross_val_score

    from textgraft.sklearn import TextClassifier

    estimator = TextClassifier(str(tiny_bert), epochs=1, fine_tune="none")
    assert len(cross_val_score(estimator, *LABELLED, cv=2, n_jobs=2, error_score="raise")) == 2


# === Signals and errors ===


def test_executors_of_an_event_loop_ask_the_model(tiny_word_vectors):
    model = classifier(tiny_word_vectors)
    expected = model.predict_proba(TEXTS)

    async def ask():
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(None, model.predict_proba, TEXTS) for _ in range(4)))

    for answers in asyncio.run(ask()):
        assert_same(answers, expected)


def test_handlers_of_a_service_are_restored_and_those_of_other_code_stay(monkeypatch):
    def handler(number, frame):
        pass

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with pytest.raises(KeyboardInterrupt), Interruption().handle_signals():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is handler
        monkeypatch.setattr(signal, "getsignal", lambda number: None)  # one that was not set by Python
        with Interruption().handle_signals():
            monkeypatch.undo()
            assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
def test_interrupted_first_prediction_leaves_a_model_that_answers(tiny_bert, monkeypatch):
    model = classifier(tiny_bert)
    expected = classifier(tiny_bert).predict_proba(TEXTS)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model.pooling, "call", interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.predict(TEXTS)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), expected)


@pytest.mark.slow
def test_model_answers_after_interrupted_predictions(tiny_bert):
    model = classifier(tiny_bert)
    many = texts_of([9] * 5000)
    expected = model.predict_proba(many[:50])
    for seconds in (0.05, 0.2, 0.5):
        timer = threading.Timer(seconds, _thread.interrupt_main)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            deque(map(model.predict, repeat(many)), maxlen=0)
        assert_same(model.predict_proba(many[:50]), expected)


def network_graphs():
    graphs = (each for each in gc.get_objects() if type(each).__name__ == "FuncGraph")
    return [graph for graph in graphs if len(graph.captures) > 10]


class Stop(tg.Callback):
    """Ends a run after its second step, with references to the graphs of networks that it made."""

    def __init__(self):
        self.others = network_graphs()

    def on_step_end(self, step):
        if step.number == 2:
            others = set(map(id, self.others))
            self.graphs = [weakref.ref(graph) for graph in network_graphs() if id(graph) not in others]
            raise ZeroDivisionError


@pytest.mark.slow
def test_training_that_ends_by_an_exception_leaves_the_weights_of_its_last_step_and_no_graph(tiny_bert):
    model, stop = classifier(tiny_bert), Stop()
    before = {name: weight.numpy() for name, weight in model.weights.items()}
    with pytest.raises(ZeroDivisionError):
        model.fit(*LABELLED, callbacks=stop, **FIT)
    trained = [name for name, weight in model.weights.items() if (weight.numpy() != before[name]).any()]
    assert {"backbone/token_embedding/embeddings", "head/logits/kernel"} <= set(trained)
    model.fit(*LABELLED, fine_tune="none", **FIT)
    assert len(model.predict(TEXTS)) == len(TEXTS)
    del model
    gc.collect()
    assert stop.graphs
    assert [graph() for graph in stop.graphs if graph()] == []


@pytest.mark.slow
def test_training_in_a_worker_thread_equals_that_in_the_main_thread(tiny_bert, tmp_path):
    model, same_model = classifier(tiny_bert), classifier(tiny_bert)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with ThreadPoolExecutor(1) as threads:
        threads.submit(model.fit, *LABELLED, checkpoints=tmp_path / "run", **FIT).result()
    same_model.fit(*LABELLED, **FIT)
    assert_same(model.predict_proba(TEXTS), same_model.predict_proba(TEXTS))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
