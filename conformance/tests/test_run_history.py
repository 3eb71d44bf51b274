from __future__ import annotations

from stories import pair_history

from parley_conformance.run_history import PartyTold


def test_each_adapter_has_its_story_and_scripted_peers_have_none() -> None:
    history = pair_history()
    parties = {**history.parties, "peer": PartyTold("raw")}
    caller, handler = pair_history(parties=parties).stories()
    assert (caller.party, caller.called, [o["obs"] for o in caller.observations]) == (
        "caller",
        ("c1", "e1"),
        ["outcome", "outcome"],
    )
    assert len(handler.observations) == len(history.seen("handler")) == 4
