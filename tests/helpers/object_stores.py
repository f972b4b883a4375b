"""A server of S3 in this process, at a port of 127.0.0.1, by moto."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from textgraft.storage.objects import ObjectPath

with_server = pytest.mark.skipif(find_spec("moto") is None, reason="needs moto[s3,server]")


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a bucket; the server and its credentials are in the environment."""
    from moto.server import ThreadedMotoServer
    from pyarrow.fs import S3FileSystem

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"], allow_bucket_creation=True).create_dir("bucket")
        yield "s3://bucket"
    server.stop()


def download(folder: ObjectPath, path: Path) -> Path:
    """A copy of the objects of a folder on the disk."""
    path.mkdir()
    for name in folder.names():
        (folder / name).download(path / name)
    return path
