"""Who may ask: tokens, addresses and other sites."""

import pytest

from tests.helpers.commands import assert_fails, run
from tests.helpers.serving import serving
from textgraft.errors import ConfigError
from textgraft.serving.settings import ServerOptions, is_local, named_sources, read_tokens

TOKEN, OTHER = b"0123456789abcdef", b"fedcba9876543210"


@pytest.fixture(scope="module")
def guarded(model_folders):
    with serving({"binary": model_folders["binary"]}, tokens=(TOKEN, OTHER)) as client:
        yield client


@pytest.mark.parametrize("token", [TOKEN, OTHER])
def test_any_token_of_the_file_is_accepted(guarded, token):
    headers = {"Authorization": f"Bearer {token.decode()}"}
    assert guarded.post("/predict", json={"text": "a"}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "value", [None, "Bearer ", "Bearer wrong", f"Basic {TOKEN.decode()}", TOKEN.decode(), "Bearer é"]
)
@pytest.mark.parametrize("path", ["/predict", "/metrics", "/openapi.json", "/v1/models"])
def test_requests_without_a_token_are_refused(guarded, value, path):
    headers = {} if value is None else {"Authorization": value.encode("latin-1")}
    response = guarded.get(path, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error"]["code"] == "unauthorized"


def test_health_needs_no_token(guarded):
    for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"):
        assert guarded.get(path).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "[2001:db8::1]"])
def test_without_tokens_only_local_names_are_answered(model_folders, host):
    with serving({"binary": model_folders["binary"]}) as client:
        assert client.get("/v1/models", headers={"Host": host}).status_code == 403
        for local in ("localhost", "127.0.0.1:8000", "[::1]:8000"):
            assert client.get("/v1/models", headers={"Host": local}).status_code == 200


def test_other_sites_get_no_permission(guarded):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = guarded.options("/predict", headers=headers)
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.1", False), ("example.org", False)],
)  # fmt: skip
def test_other_addresses_need_a_token_or_consent(host, local):
    assert is_local(host) is local
    if local:
        ServerOptions(host=host)
    else:
        with pytest.raises(ConfigError, match="--token-file FILE, or --insecure"):
            ServerOptions(host=host)
    ServerOptions(host=host, token_file="tokens")
    ServerOptions(host=host, insecure=True)


@pytest.mark.parametrize(
    ("content", "phrase"),
    [("", "no token"), ("\n \n", "no token"), ("short\n", "line 1: a token of 5"),
     ("0123456789abcdef\n\nwith a space in it\n", "line 3"), ("x" * 70_000, "KiB")],
)  # fmt: skip
def test_files_of_tokens_are_checked(tmp_path, content, phrase):
    path = tmp_path / "tokens"
    path.write_text(content)
    with pytest.raises(ConfigError, match=phrase):
        read_tokens(str(path))


def test_tokens_are_read_line_by_line(tmp_path):
    (tmp_path / "tokens").write_bytes(TOKEN + b"\r\n\n" + OTHER)
    assert read_tokens(str(tmp_path / "tokens")) == (TOKEN, OTHER)
    with pytest.raises(ConfigError, match="cannot read"):
        read_tokens(str(tmp_path / "missing"))


def test_models_have_names_for_addresses(tmp_path):
    assert named_sources(["models/a/", "b=models/a"]) == {"a": "models/a/", "b": "models/a"}
    with pytest.raises(ConfigError, match="two models have the name a"):
        named_sources(["models/a", "other/a"])
    for name in ("with space", "=x", "..", "a" * 65):
        with pytest.raises(ConfigError, match="is no name"):
            named_sources([name])


def test_command_refuses_another_address_and_bad_models(model_folders, tmp_path):
    folder = model_folders["binary"]
    assert_fails(run("serve", folder, "--host", "0.0.0.0"), 2, "--token-file FILE, or --insecure")
    assert_fails(run("serve", folder, "--token-file", tmp_path / "missing"), 2, "cannot read")
    assert_fails(run("serve", tmp_path / "missing", "--port", "0"), 4, "neither a known name")
    assert_fails(run("serve", folder, folder, "--port", "0"), 2, "two models have the name")
