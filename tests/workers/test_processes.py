"""Local workers have a GPU each, where there are GPUs."""

from textgraft.workers.processes import device_of


def test_gpus_are_dealt_out_in_turn():
    assert [device_of(worker, ["4", "5"])["CUDA_VISIBLE_DEVICES"] for worker in range(3)] == ["4", "5", "4"]


def test_without_gpus_nothing_is_set():
    assert device_of(0, []) == {}
