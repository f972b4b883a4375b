"""The workers of a run: worker 0, the chief, leads, and each follower computes its share of each step."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from signal import Signals
from typing import Any

import numpy as np

from textgraft.errors import ConfigError, InterruptionError, TextgraftError, WorkerError
from textgraft.workers.channel import END, FAILED, Channel, Message, RunEndedError

# Kinds of messages from the chief to all followers, in their order in a run.
PLAN, FACTS, TRAINING, EPOCH, STEP, SUMS = "plan", "facts", "training", "epoch", "step", "sums"
# From a follower to the chief.
AGREED, PART = "agreed", "part"


class Chief:
    """Worker 0: it reads and writes all files, decides each step, and adds the gradients of all workers.

    Args:
        channels: to the followers, by index from 1.
    """

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = list(channels)

    @property
    def workers(self) -> int:
        """Number of workers, with this one."""
        return 1 + len(self._channels)

    def send(
        self, kind: str, values: Mapping[str, Any] | None = None, arrays: Mapping[str, np.ndarray] | None = None
    ) -> None:
        """Send a message to all followers."""
        for channel in self._channels:
            channel.send(kind, values, arrays)

    def receive(self, worker: int, kind: str) -> Message:
        """The next message of a follower, by its index."""
        return self._channels[worker - 1].receive(kind)

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Wait until all followers have prepared the same run, which these JSON values identify."""
        self.send(FACTS, {"facts": facts})
        for channel in self._channels:
            channel.receive(AGREED)

    def check(self) -> None:
        """Raise a WorkerError if a follower has ended."""
        for channel in self._channels:
            channel.check()

    @contextmanager
    def leading(self) -> Iterator[None]:
        """The context of the run; at its end the followers end too, and receive the reason of an error."""
        try:
            yield
        except InterruptionError:
            self._end("")
            raise
        except BaseException as error:
            self._end(_reason(error))
            raise
        self._end("")

    def _end(self, reason: str) -> None:
        for channel in self._channels:
            with suppress(WorkerError):  # one that has ended already
                channel.send(END, {"reason": reason})
            channel.close()


class Follower:
    """Another worker than the first.

    Attributes:
        channel: to the chief.
        worker: index, from 1.
        workers: number of workers.

    Args:
        is_local: whether the chief runs on the same terminal, and prints what fails here.
    """

    def __init__(self, channel: Channel, worker: int, workers: int, is_local: bool) -> None:
        self.channel, self.worker, self.workers, self._is_local = channel, worker, workers, is_local

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Compare what identifies the run with what the chief has prepared.

        Raises:
            ConfigError: where it differs.
        """
        expected = self.channel.receive(FACTS).values["facts"]
        facts = json.loads(json.dumps(facts))
        names = facts.keys() | expected.keys()
        if different := sorted(name for name in names if facts.get(name) != expected.get(name)):
            raise ConfigError(
                f"{' and '.join(different)} differ from those of worker 0; use the same data, options and versions on "
                "all workers"
            )
        self.channel.send(AGREED)

    @contextmanager
    def following(self) -> Iterator[None]:
        """The context of the run, which ends when the chief ends it; the chief receives the reason of an error.

        Raises:
            WorkerError: when the chief has ended, or failed on another machine.
        """
        try:
            yield
        except RunEndedError as end:
            if str(end) and not self._is_local:
                raise WorkerError(f"worker 0: {end}") from None
        except WorkerError as error:
            raise WorkerError(f"{error}; the same command on all workers resumes from the last checkpoint") from error
        except BaseException as error:
            self._report(error)
            raise
        finally:
            self.channel.close()

    def _report(self, error: BaseException) -> None:
        with suppress(WorkerError):
            self.channel.send(FAILED, {"reason": _reason(error)})
            if self._is_local and isinstance(error, TextgraftError | InterruptionError):
                raise SystemExit(error.exit_code) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, InterruptionError):
        return f"stopped by {Signals(error.signal).name}"
    return str(error) if isinstance(error, TextgraftError) else type(error).__name__
