"""Sends that wait for commits: none before its own, none behind a later one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_broker.core.effects import Answer
from parley_broker.core.held import Held
from parley_broker.core.messages import Done


def answer(re: int, commit: int) -> Answer:
    return Answer("s", re, Done(), commit)


@given(st.lists(st.integers(1, 4)), st.integers(0, 5))
def test_what_is_due_leaves_by_commits_and_then_as_decided(commits: list[int], done: int) -> None:
    held = Held()
    for re, commit in enumerate(commits):
        held.add(answer(re, commit))
    assert (len(held), bool(held)) == (len(commits), bool(commits))
    by_commit = sorted(enumerate(commits), key=lambda one: one[1])
    released = [(send.re, send.commit) for send in held.release(done) if isinstance(send, Answer)]
    assert released == [one for one in by_commit if one[1] <= done]
    rest = [(send.re, send.commit) for send in held.release_all() if isinstance(send, Answer)]
    assert rest == [one for one in by_commit if one[1] > done]
    assert not held
