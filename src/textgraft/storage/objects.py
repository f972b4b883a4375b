"""Object stores and other file systems at addresses, such as s3://BUCKET/FOLDER.

Amazon S3, Google Cloud Storage and Azure are those of pyarrow, others those of fsspec. Credentials are taken from the
environment, never from an address. No object is replaced in parts: it has its earlier content until it is written.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from textgraft.errors import ConfigError, DataError, error_summary

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_PATH_OF_ADDRESS = re.compile(r"^([a-z][a-z0-9+.-]+):/(?=[^/])")
_MAGIC = frozenset("*?[")
_CHUNK = 8 << 20
_ARROW_SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss")
# Of the web, which cannot be listed, and of this machine.
_REFUSED = ("http", "https", "ftp", "file", "local")


def is_address(source: str) -> bool:
    """Whether a source is the address of an object, a folder or a pattern, such as s3://BUCKET/FOLDER."""
    parts = _ADDRESS.fullmatch(source)
    return parts is not None and parts["scheme"] not in _REFUSED


def output_path(path: Path) -> "Path | ObjectPath":
    """An output; a `Path` made of an address has one slash where that has two."""
    address = _PATH_OF_ADDRESS.sub(r"\1://", str(path))
    return ObjectPath.parse(address) if is_address(address) else path


@dataclass(frozen=True)
class ObjectPath:
    """An object, or a folder of objects; it may be sent to another process.

    Attributes:
        address: as the user wrote it, without a slash at its end.
    """

    address: str

    @classmethod
    def parse(cls, address: str) -> Self:
        """The path of an address that `is_address`.

        Raises:
            ConfigError: when it has a password.
        """
        parts = _parts(address)
        if ":" in parts["authority"].rpartition("@")[0]:
            raise ConfigError(
                f"{parts['scheme']}://: the address has a password, which is not supported; set the credentials in the "
                "environment"
            )
        return cls(address.rstrip("/"))

    def __str__(self) -> str:
        return self.address

    def __truediv__(self, name: str) -> "ObjectPath":
        return ObjectPath(f"{self.address}/{name}")

    @property
    def name(self) -> str:
        """The part after the last slash."""
        return self.address.rpartition("/")[2]

    @property
    def is_pattern(self) -> bool:
        """Whether its name is a pattern, such as *.parquet."""
        return not _MAGIC.isdisjoint(self.name)

    @property
    def parent(self) -> "ObjectPath":
        """The folder."""
        return ObjectPath(self.address.rpartition("/")[0])

    def is_object(self) -> bool:
        """Whether there is an object of this name."""
        files, path = self._opened()
        with self._errors():
            return bool(files.get_file_info(path).is_file)

    def names(self) -> list[str]:
        """The sorted names of the objects and folders in this folder; none where there is no such folder."""
        from pyarrow.fs import FileSelector

        files, path = self._opened()
        with self._errors():
            return sorted(info.base_name for info in files.get_file_info(FileSelector(path, allow_not_found=True)))

    def read(self) -> bytes | None:
        """The content of an object; None when there is none."""
        return b"".join(self._chunks()) if self.is_object() else None

    def write(self, content: bytes) -> None:
        """Write an object."""
        files, path = self._opened()
        with self._errors(), files.open_output_stream(path) as stream:
            stream.write(content)

    def upload(self, file: Path) -> None:
        """Write an object with the content of a file."""
        files, path = self._opened()
        with self._errors(), file.open("rb") as source, files.open_output_stream(path) as stream:
            while chunk := source.read(_CHUNK):
                stream.write(chunk)

    def download(self, file: Path) -> None:
        """Write the content of an object to a file."""
        with file.open("wb") as target:
            for chunk in self._chunks():
                target.write(chunk)

    def copy_from(self, other: Self) -> None:
        """Write an object with the content of another one in the same store."""
        files, path = self._opened()
        with self._errors():
            files.copy_file(other._opened()[1], path)

    def remove(self) -> None:
        """Remove an object, if there is one."""
        files, path = self._opened()
        if self.is_object():
            with self._errors():
                files.delete_file(path)

    def remove_folder(self) -> None:
        """Remove all objects in this folder, if there are any."""
        from pyarrow.fs import FileType

        files, path = self._opened()
        with self._errors():
            if files.get_file_info(path).type == FileType.Directory:
                files.delete_dir(path)

    def sha256(self) -> str | None:
        """The SHA-256 of an object, which is read; None when there is none."""
        if not self.is_object():
            return None
        digest = hashlib.sha256()
        for chunk in self._chunks():
            digest.update(chunk)
        return digest.hexdigest()

    def _chunks(self) -> Iterator[bytes]:
        files, path = self._opened()
        with self._errors(), files.open_input_stream(path) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk

    def _opened(self) -> tuple[Any, str]:
        """The file system, and the path in it."""
        parts = _parts(self.address)
        with self._errors():
            if parts["scheme"] in _ARROW_SCHEMES:
                endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
                files, root = _arrow_files(parts["scheme"], parts["authority"], endpoint)
                return files, f"{root}{parts['rest']}"
            return _fsspec_files(parts["scheme"], self.address)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the errors of a store into one line."""
        import pyarrow as pa

        try:
            yield
        except (OSError, pa.ArrowException, ValueError) as error:
            advice = "check the address, and the credentials in the environment"
            raise DataError(f"{self.address}: cannot be used ({error_summary(error)}); {advice}") from error


def _parts(address: str) -> re.Match[str]:
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        raise ConfigError(f"{address}: no address; write s3://BUCKET/FOLDER")
    return parts


@cache
def _arrow_files(scheme: str, authority: str, s3_endpoint: str | None) -> tuple[Any, str]:
    """A file system of pyarrow, and the path of a bucket in it."""
    from pyarrow.fs import FileSystem, S3FileSystem

    if scheme == "s3" and s3_endpoint:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return S3FileSystem(endpoint_override=s3_endpoint, region=region), authority
    files, root = FileSystem.from_uri(f"{scheme}://{authority}")
    return files, root


def _fsspec_files(scheme: str, address: str) -> tuple[Any, str]:
    """A file system of fsspec, which keeps those that it has opened, and the path in it."""
    import fsspec
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    try:
        files, path = fsspec.url_to_fs(address)
    except ImportError as error:
        raise ConfigError(f"{address}: {error_summary(error)}") from None
    return PyFileSystem(FSSpecHandler(files)), path
