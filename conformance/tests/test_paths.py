from __future__ import annotations

from parley_conformance import paths


def test_the_kit_finds_its_data() -> None:
    assert paths.SPEC.is_file()
    for folder in (paths.SUITES, paths.SCHEMAS, paths.VECTORS, paths.ADAPTERS):
        assert folder.is_dir()
