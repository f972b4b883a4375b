"""Corrections of users: what is written, who may write, and that training takes the file."""

import errno
import json
import os
import stat

import pytest

from tests.helpers.commands import assert_fails, run, run_successfully, write_csv
from tests.helpers.serving import serving
from textgraft.errors import BusyError, ConfigError
from textgraft.serving import corrections as serving_corrections
from textgraft.serving.corrections import CorrectionsFile, check_corrections
from textgraft.serving.errors import RequestError


@pytest.fixture(scope="module")
def client(model_folders, tmp_path_factory):
    path = tmp_path_factory.mktemp("corrections") / "corrections.jsonl"
    folders = {kind: model_folders[kind] for kind in ("binary", "multi-label", "regression", "pairs")}
    with serving(folders, corrections=str(path)) as client:
        client.path = path
        yield client


@pytest.fixture(autouse=True)
def empty_file(request):
    if "client" in request.fixturenames:
        os.truncate(request.getfixturevalue("client").path, 0)


def rows_of(client):
    return [json.loads(line) for line in client.path.read_text().splitlines()]


def test_corrections_are_rows_with_labels_in_the_type_of_the_training(client):
    bodies = [
        {"model": "binary", "text": 'one\nline "only" \u2028', "label": True},
        {"model": "multi-label", "text": "b", "label": ["b", "a"]},
        {"model": "multi-label", "text": "c", "label": []},
        {"model": "pairs", "text": ["first", "second"], "label": "y"},
    ]
    for body in bodies:
        response = client.post("/corrections", json=body)
        assert (response.status_code, response.json()) == (201, {"saved": True})
    assert rows_of(client) == [
        {"text": bodies[0]["text"], "label": True},
        {"text": "b", "label": ["a", "b"]},
        {"text": "c", "label": []},
        {"text": "first", "text_pair": "second", "label": "y"},
    ]
    assert stat.S_IMODE(client.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model": "binary", "text": "a", "label": "true"}, "binary has no label 'true'"),
        ({"model": "binary", "text": "a", "label": 1}, "binary has no label '1'"),
        ({"model": "binary", "text": "a", "label": [True]}, "no label"),
        ({"model": "multi-label", "text": "a", "label": "a"}, "send a list"),
        ({"model": "multi-label", "text": "a", "label": ["a", "z"]}, "no label 'z'"),
        ({"model": "pairs", "text": "a", "label": "x"}, "takes pairs of texts"),
        ({"model": "regression", "text": "a", "label": 1}, "no labels to choose from"),
        ({"model": "binary", "text": "a", "label": 1.5}, "label"),
    ],
)
def test_labels_that_the_model_does_not_have_are_refused(client, body, message):
    response = client.post("/corrections", json=body)
    assert response.status_code == 422
    assert message in response.json()["error"]["message"]
    assert rows_of(client) == []


BODY = {"model": "binary", "text": "a", "label": True}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Host": "evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1"}, 201),
        ({"Origin": "http://127.0.0.1"}, 201),
        ({}, 201),
    ],
)
def test_pages_of_other_sites_cannot_write(client, headers, status):
    headers = {"Content-Type": "application/json", **headers}
    response = client.post("/corrections", content=json.dumps(BODY), headers=headers)
    assert response.status_code == status
    assert len(rows_of(client)) == (status == 201)


def test_corrections_are_off_by_default(model_folders):
    with serving({"binary": model_folders["binary"]}) as off:
        response = off.post("/corrections", json={"text": "a", "label": True})
        assert response.status_code == 404
        assert "start with --corrections FILE" in response.json()["error"]["message"]
        assert off.get("/models").json()["models"][0]["corrected"] is False


def test_texts_of_corrections_are_not_logged(client):
    client.post("/corrections", json={"model": "binary", "text": "a secret", "label": True})
    assert "secret" not in json.dumps(client.records)


def test_file_is_appended_to_and_belongs_to_one_process(tmp_path):
    path = tmp_path / "corrections.jsonl"
    path.write_text('{"text": "earlier", "label": "a"}\n')
    file = CorrectionsFile(str(path))
    file.append({"text": "later"})
    with pytest.raises(BusyError, match="another process appends to"):
        check_corrections(str(path))
    file.close()
    check_corrections(str(path))
    assert [json.loads(line)["text"] for line in path.read_text().splitlines()] == ["earlier", "later"]


def test_file_that_cannot_be_appended_to_is_refused(tmp_path):
    (tmp_path / "cut.jsonl").write_text('{"text": "a"}\n{"text": "b')
    for path, message in (
        (tmp_path, "cannot open"),
        (tmp_path / "missing" / "file", "check that its folder exists"),
        (tmp_path / "cut.jsonl", "the last line does not end"),
    ):
        with pytest.raises(ConfigError, match=message):
            check_corrections(str(path))
    assert (tmp_path / "cut.jsonl").read_text().endswith('{"text": "b')
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is not a file"):
        check_corrections(str(tmp_path / "pipe"))


def test_line_that_cannot_be_written_completely_is_removed(tmp_path, monkeypatch):
    file = CorrectionsFile(str(tmp_path / "file"))
    file.append({"text": "a"})
    write = os.write

    def write_half(descriptor, line):
        if len(line) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, line[: len(line) // 2])

    monkeypatch.setattr(serving_corrections.os, "write", write_half)
    with pytest.raises(RequestError, match="is not saved: No space left") as caught:
        file.append({"text": "b" * 30})
    assert caught.value.status_code == 507
    monkeypatch.undo()
    file.append({"text": "c"})
    assert (tmp_path / "file").read_text() == '{"text": "a"}\n{"text": "c"}\n'
    file.close()


def test_closed_file_is_not_written(tmp_path):
    file = CorrectionsFile(str(tmp_path / "file"))
    file.close()
    with pytest.raises(RequestError, match="is not saved"):
        file.append({"text": "a"})


def test_full_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(serving_corrections, "MAX_FILE_BYTES", 20)
    file = CorrectionsFile(str(tmp_path / "file"))
    file.append({"text": "a"})
    with pytest.raises(RequestError, match="train with it") as caught:
        file.append({"text": "b"})
    assert caught.value.status_code == 507
    file.close()


def test_command_takes_corrections_for_exactly_one_model_with_labels(model_folders, tmp_path):
    path = tmp_path / "corrections.jsonl"
    for models, phrase in (
        (("binary", "multi-label"), "there are 2"),
        (("regression", "embedder"), "there are 0 (none)"),
    ):
        folders = [model_folders[name] for name in models]
        assert_fails(run("serve", *folders, "--port", "0", "--corrections", path), 2, phrase)
    assert_fails(run("serve", model_folders["binary"], "--corrections", tmp_path), 2, "cannot open")


def test_training_takes_the_file_as_it_is(tiny_word_vectors, tmp_path):
    rows = [
        (f"{words} {'film ' * row}", label) for row in range(6) for words, label in (("a good", "y"), ("dull", "n"))
    ]
    data, model = write_csv(tmp_path / "reviews.csv", rows), tmp_path / "sentiment"
    run_successfully("train", data, "--preset", tiny_word_vectors, "--fine-tune", "none", "--out", model)
    path = tmp_path / "corrections.jsonl"
    with serving({"sentiment": str(model)}, corrections=str(path)) as client:
        labels = client.get("/models").json()["models"][0]["labels"]
        assert labels == ["n", "y"]
        for row in range(4):
            for label in labels:
                body = {"text": f'odd, "very" {"so " * row}{label}', "label": label}
                assert client.post("/corrections", json=body).status_code == 201
    result = run_successfully("train", path, "--from", model, "--out", tmp_path / "sentiment-2")
    assert "2 labels, new: none" in result.stderr
