"""Files are protected when this user or root owns them, and nobody else can write to them."""

import grp
import os
import pwd
from types import SimpleNamespace

import pytest

from textgraft.storage.ownership import is_protected, is_protected_tree

ME, GROUP = 1234, 77


@pytest.fixture
def me(monkeypatch):
    """A user with a group of the same name; a function that sets the group's members."""
    members = []
    monkeypatch.setattr(os, "geteuid", lambda: ME)
    monkeypatch.setattr(pwd, "getpwuid", lambda user: SimpleNamespace(pw_name="me") if user == ME else {}[user])
    monkeypatch.setattr(
        grp, "getgrgid", lambda group: SimpleNamespace(gr_name={GROUP: "me", 1: "staff"}[group], gr_mem=members)
    )
    return members.extend


def status(owner, mode, group=GROUP):
    return SimpleNamespace(st_uid=owner, st_mode=mode, st_gid=group)


@pytest.mark.parametrize(
    ("owner", "mode", "group", "protected"),
    [
        (ME, 0o100644, 1, True),
        (ME, 0o040700, 1, True),
        (0, 0o100644, 0, True),
        (ME + 1, 0o100600, 1, False),
        (ME, 0o100646, 1, False),
        (ME, 0o041777, 1, False),  # as /tmp
        (ME, 0o100664, 1, False),
        (ME, 0o100664, GROUP, True),  # umask 002
        (ME, 0o100664, 99, False),  # a group without a name
    ],
)
def test_owner_and_permissions_decide(me, owner, mode, group, protected):
    assert is_protected(status(owner, mode, group)) is protected


def test_group_with_another_member_is_not_the_users_own(me):
    me(["me"])
    assert is_protected(status(ME, 0o100664))
    me(["colleague"])
    assert not is_protected(status(ME, 0o100664))


@pytest.mark.parametrize(("mode", "protected"), [(0o755, True), (0o700, True), (0o777, False), (0o1777, True)], ids=oct)
def test_tree_is_protected_where_nobody_else_can_rename_it(tmp_path, mode, protected):
    folder = tmp_path / "parent" / "folder"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    folder.parent.chmod(mode)
    assert is_protected_tree(folder) is protected


def test_link_on_the_way_is_not_protected(tmp_path):
    (tmp_path / "parent" / "folder").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "parent")
    assert is_protected_tree(tmp_path / "parent" / "folder")
    assert not is_protected_tree(tmp_path / "link" / "folder")
    assert is_protected_tree((tmp_path / "link" / "folder").resolve())


def test_tree_is_protected_down_to_its_files(tmp_path):
    file = tmp_path / "tree" / "folder" / "file"
    file.parent.mkdir(parents=True)
    file.touch(0o644)
    assert is_protected_tree(tmp_path / "tree")
    file.chmod(0o666)
    assert not is_protected_tree(tmp_path / "tree")
    file.chmod(0o644)
    link = file.with_name("link")
    link.symlink_to(file)
    assert not is_protected_tree(tmp_path / "tree")
    link.unlink()
    os.mkfifo(link)
    assert not is_protected_tree(tmp_path / "tree")
