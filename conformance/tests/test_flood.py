from __future__ import annotations

import pytest

from parley_conformance.model import Failed
from parley_conformance.workloads import flood


def test_memory_is_bounded() -> None:
    flood._bounded(50 * flood.MIB, 60 * flood.MIB, 10)
    with pytest.raises(Failed, match="grew from 50 by 11 MiB"):
        flood._bounded(50 * flood.MIB, 61 * flood.MIB, 10)
