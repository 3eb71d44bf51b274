from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from parley_conformance import languages


def test_python_is_always_there() -> None:
    assert languages.discover()["python"].missing == ""


def test_without_dotnet_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert languages.discover()["dotnet"].missing == "dotnet is not installed"


def test_without_the_built_adapter_the_command_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/dotnet")
    monkeypatch.setattr(languages, "DOTNET_ADAPTER", tmp_path / "none.dll")
    assert languages.discover()["dotnet"].missing.endswith("dotnet build -c Release conformance/adapters/dotnet")


def test_another_adapter_is_plugged_in() -> None:
    known = languages.discover(["rust=target/release/adapter --fast 'a b'"])
    assert list(known) == ["python", "dotnet", "rust"]
    assert known["rust"].command == ("target/release/adapter", "--fast", "a b")


@pytest.mark.parametrize("text", ["rust", "rust=", "=command", "a b=command"])
def test_what_is_no_adapter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="NAME=COMMAND"):
        languages.discover([text])


def test_images_are_commands_that_begin_with_their_name():
    found = languages.in_images(["rust=my-adapter --fast"], images={"parley-adapter-python", "my-adapter"})
    assert found["python"] == languages.Language("python", ("parley-adapter-python",))
    assert found["rust"].command == ("my-adapter", "--fast")
    assert (found["python"].missing, found["rust"].missing) == ("", "")
    assert "there is no image parley-adapter-dotnet" in found["dotnet"].missing
