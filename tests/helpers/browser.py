"""A headless browser, the accessibility checks of axe, and the address of a server for them."""

import shutil
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from textgraft.serving.app import make_application
from textgraft.serving.listening import address_of, open_socket

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def require_browser():
    """Path of a Chromium, and the source of axe-core; skips where one of them, or Playwright, is absent."""
    pytest.importorskip("playwright", reason="needs Playwright (make test-browser)")
    axe = pytest.importorskip("axe_playwright_python.base", reason="needs axe-core (make test-browser)")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(f"needs a browser: {', '.join(_NAMES)}")
    return path, axe.AXE_SCRIPT


@contextmanager
def listening(service, tokens=()):
    """The address of a service, which listens in a thread."""
    with open_socket("127.0.0.1", 0) as socket:
        server = uvicorn.Server(uvicorn.Config(make_application(service, tokens), log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield address_of(socket)
        server.should_exit = True
        thread.join(30)
