"""Checks of HDF5 files of weights, before anything in them is followed or read."""

import math
from pathlib import Path

import h5py

from textgraft.errors import PresetError

_NUMBERS = "fiub"  # kinds of numpy: an item of another one can have any size


def require_own_arrays(path: Path, max_values: int) -> list[str]:
    """Check that a file holds groups and arrays only, and refers to no other file; returns the paths of its arrays.

    Links and arrays of HDF5 can name any file, which is opened where they are looked up; and an array that is not
    stored can have any shape.

    Args:
        path: the file.
        max_values: of an array.

    Raises:
        PresetError: naming the first item that is not allowed.
        OSError: when it is not an HDF5 file.
    """
    with h5py.File(path, "r") as file:
        groups: list[h5py.Group] = [file]
        arrays: list[str] = []
        known = {h5py.h5o.get_info(file.id).addr}
        while groups:
            group = groups.pop()
            for name in group:
                if group.get(name, getlink=True, getclass=True) is not h5py.HardLink:
                    raise _refused(path, group, name, "is a link")
                item = group[name]
                address = h5py.h5o.get_info(item.id).addr
                if isinstance(item, h5py.Group) and address not in known:
                    known.add(address)
                    groups.append(item)
                elif not isinstance(item, h5py.Dataset):
                    raise _refused(path, group, name, "is neither a group of its own nor an array")
                elif item.external or item.is_virtual:
                    raise _refused(path, group, name, "is stored in another file")
                elif item.dtype.kind not in _NUMBERS:
                    raise _refused(path, group, name, "has no numbers")
                elif math.prod(item.shape or ()) > max_values:
                    raise _refused(path, group, name, f"has the shape {item.shape}, larger than any weight")
                else:
                    arrays.append(item.name)
    return arrays


def _refused(path: Path, group: h5py.Group, name: str, problem: str) -> PresetError:
    location = f"{group.name.rstrip('/')}/{name}"
    return PresetError(f"{path}: {location!r:.80} {problem}; download the preset from a trusted source")
