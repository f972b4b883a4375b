"""Dockerfile and compose.yaml: what they name exists, and the container has no more rights than it needs."""

import re
import shlex

import pytest
import yaml

from tests.helpers.paths import TESTS
from textgraft.options import option_fields

ROOT = TESTS.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def instructions():
    """Name and arguments of each instruction, without comments and continuations."""
    lines = [line for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in "\n".join(lines).replace("\\\n", " ").splitlines()]


def values(name):
    return [arguments for instruction, arguments in instructions() if instruction == name]


@pytest.fixture(scope="module")
def service():
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["textgraft"]


def server_options():
    pytest.importorskip("fastapi")
    from textgraft.serving.settings import ServerOptions

    return option_fields(ServerOptions)


def test_base_images_are_pinned_by_version():
    images = [value.split()[0] for value in values("FROM")]
    assert len(set(images)) == 1
    assert re.fullmatch(r"python:3\.1[1-3]\.\d+-slim-\w+", images[0])


def test_copied_files_exist_and_are_sent_to_the_build():
    copied = [part for value in values("COPY") if "--from" not in value for part in shlex.split(value)[:-1]]
    assert {"requirements-serve.lock", "src", "pyproject.toml"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in IGNORED, name
    assert IGNORED[1] == "*"


def test_user_is_not_root(service):
    assert values("USER") == [service["user"]] == ["10001:10001"]
    names = [name for name, _ in instructions()]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "RUN" not in names[names.index("USER") :]


def test_installation_is_by_hash():
    (install,) = [value for value in values("RUN") if "requirements-serve.lock" in value]
    assert "--require-hashes" in install
    assert "--no-deps" in install


def test_container_has_no_more_rights_than_it_needs(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(volume["read_only"] for volume in service["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["pids_limit"] > 0
    assert service["mem_limit"]


def test_options_are_those_of_the_command(service):
    options = server_options()
    model, *arguments = service["command"]
    chosen = dict(argument.removeprefix("--").split("=") for argument in arguments)
    assert {name.replace("-", "_") for name in chosen} <= options.keys()
    (volume,) = service["volumes"]
    assert model.startswith(f"{volume['target']}/")
    (secret,) = service["secrets"]
    assert chosen["token-file"] == f"/run/secrets/{secret}"
    assert service["ports"] == [f"127.0.0.1:8000:{chosen['port']}"]
    assert int(chosen["drain"]) < int(service["stop_grace_period"].removesuffix("s"))


def test_health_is_asked_without_a_token():
    pytest.importorskip("fastapi")
    from textgraft.serving.gate import OPEN_PATHS

    (check,) = values("HEALTHCHECK")
    port, path = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", check).groups()
    assert path in OPEN_PATHS
    assert values("EXPOSE") == [port] == [str(server_options()["port"].default)]
