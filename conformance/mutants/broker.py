"""The reference broker with one bug put in on purpose: what the kit must catch.

    python conformance/mutants/broker.py BUG serve [OPTIONS of parley-broker serve]

Stands in for `parley-broker` in PARLEY_BROKER_COMMAND. A bug of `broken_broker/` replaces a method of the core; one
whose target is gone ends with an error, and one that is reached says so in the file that PARLEY_MUTANT_REACHED names,
so that a bug which is not there cannot pass for one that nobody notices.
`conformance/mutants/broker.yaml` says which checks turn red for which bug.
"""

from __future__ import annotations

from broken_broker import calls, events, limits, places, sessions, state
from mark import put_in

from parley_broker.cli import main

if __name__ == "__main__":
    put_in(bug for module in (calls, events, limits, places, sessions, state) for bug in module.BUGS)
    main()
