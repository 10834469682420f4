"""The image: what its Containerfile says."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from sparkify_dagster_tests.deploy.services import BIN, DEPLOY, ROOT, containerfile

SAID = containerfile()
LAST = SAID[max(at for at, (name, _) in enumerate(SAID) if name == "FROM") :]
"""The instructions of the image itself; those before are of what it is built in."""


def test_hadolint_finds_nothing() -> None:
    path = DEPLOY / "image" / "Containerfile"
    said = subprocess.run([BIN / "hadolint", path], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


def test_the_base_is_pinned_by_version_and_digest_and_every_stage_is_of_it() -> None:
    (base,) = [words for name, words in SAID if name == "ARG"]
    assert re.fullmatch(r"BASE=python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)
    assert [words.split()[0] for name, words in SAID if name == "FROM"] == ["${BASE}"] * 2


def test_packages_are_those_that_are_pinned_and_nothing_is_compiled() -> None:
    installed = [words for name, words in SAID if name == "RUN" and "pip install" in words]
    for words in installed:
        assert "--require-hashes --only-binary :all:" in words or "--no-index --no-deps" in words
    assert not any("apt" in words for name, words in SAID if name == "RUN")


def test_it_is_not_root_and_what_can_install_something_is_gone() -> None:
    assert ("USER", "10001:10001") in LAST
    assert any("pip uninstall" in words for name, words in LAST if name == "RUN")
    assert not any(name == "ADD" for name, _ in SAID)


def test_no_secret_is_in_it_and_nothing_else_than_it_needs_is_looked_at() -> None:
    allowed = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line]
    assert "*" in allowed
    shown = {line[1:] for line in allowed if line.startswith("!")}
    copied = {
        word.rstrip("/")
        for name, words in SAID
        if name == "COPY" and "--from" not in words
        for word in words.split()[:-1]
        if not word.startswith("--")
    }
    assert all(any(word == top or word.startswith(f"{top}/") for top in shown) for word in copied)
    assert shown == {word if word in shown else word.rsplit("/", 1)[0] for word in copied}


@pytest.mark.skipif(not shutil.which("dash"), reason="needs dash, Debian's sh")
def test_the_start_script_is_posix() -> None:
    script = DEPLOY / "image" / "start"
    assert script.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["dash", "-n", script], check=True)
    assert script.stat().st_mode & 0o111 == 0o111
