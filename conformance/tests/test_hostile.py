from __future__ import annotations

import re

from parley_conformance.workloads import hostile


def test_what_is_called_malformed_is_so_by_the_rules() -> None:
    agent_type, topic_type = re.compile(r"[A-Za-z0-9_.\-]{1,255}"), re.compile(r"[A-Za-z0-9_.:=\-]{1,255}")

    def key(text: str) -> bool:
        return 0 < len(text.encode()) <= 1024 and not re.search(r"[\x00-\x1f\x7f-\x9f]", text)

    assert not any(agent_type.fullmatch(one) for one in hostile._BAD_TYPES)
    assert not any(topic_type.fullmatch(one) for one in hostile._BAD_TOPICS)
    assert not any(key(one) for one in hostile._BAD_KEYS)
    assert all(agent_type.fullmatch(one) for one in hostile._GOOD_TYPES)
    assert all(topic_type.fullmatch(one) for one in hostile._GOOD_TOPICS)
    assert all(key(one) for one in hostile._GOOD_KEYS)
