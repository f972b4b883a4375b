"""The files of the page at `/`, as a browser asks for them."""

import re
from html.parser import HTMLParser

import pytest

from tests.helpers.serving import serving
from textgraft.serving.page_files import PAGE_FILES

# Ways by which text becomes markup or code.
UNSAFE = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "DOMParser",
    "srcdoc",
)


@pytest.fixture(scope="module")
def client(model_folders):
    with serving({"binary": model_folders["binary"]}, tokens=(b"0123456789abcdef",)) as client:
        yield client


class Links(HTMLParser):
    """Addresses that a document loads, and attributes of scripts or styles in it."""

    def __init__(self):
        super().__init__()
        self.addresses, self.inline = [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("src", "href"):
                self.addresses.append(value)
            if name == "style" or name.startswith("on"):
                self.inline.append((tag, name))
        if tag == "style" or (tag == "script" and "src" not in dict(attributes)):
            self.inline.append((tag, ""))


def test_page_loads_without_a_token_and_only_from_this_server(client):
    response = client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    links = Links()
    links.feed(response.text)
    assert links.inline == []
    assert "page/app.js" in links.addresses
    for address in set(links.addresses) - {"openapi.json"}:
        assert client.get(f"/{address}").status_code == 200
    assert client.get("/openapi.json").status_code == 401


@pytest.mark.parametrize("path", PAGE_FILES)
def test_each_file_forbids_what_it_does_not_need(client, path):
    response = client.get(path)
    policy = dict(rule.split(" ", 1) for rule in response.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", [path for path in PAGE_FILES if path.endswith(".js")])
def test_scripts_set_text_only_and_load_nothing_from_elsewhere(client, path):
    source = client.get(path).text
    assert [name for name in UNSAFE if name in source] == []
    assert re.findall(r"https?://", source) == []
    for module in re.findall(r'from "(.+?)"', source):
        assert f"/page/{module.removeprefix('./')}" in PAGE_FILES


def test_files_that_did_not_change_are_not_sent_again(client):
    first = client.get("/page/app.js")
    second = client.get("/page/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")
    assert second.headers["content-security-policy"] == first.headers["content-security-policy"]


def test_other_paths_are_no_files(client):
    for path in ("/page/", "/page/index.html", "/page/..%2fgate.py", "/page/gate.py"):
        assert client.get(path, headers={"Authorization": "Bearer 0123456789abcdef"}).status_code == 404
        assert client.get(path).status_code == 401
