"""What every store must do, one module per concern; each store's test inherits it."""

from __future__ import annotations

import pytest

from parley_broker.store.base import Store

from .base import ANN, BEN, NO_LIMIT, OpeningContract, event
from .dead_letters import DeadLetterContract
from .events import EventContract
from .producers import ProducerContract
from .replies import ReplyContract
from .states import StateContract
from .subscriptions import SubscriptionContract

__all__ = ["ANN", "BEN", "NO_LIMIT", "StoreContract", "event"]


class StoreContract(
    OpeningContract,
    SubscriptionContract,
    EventContract,
    DeadLetterContract,
    ProducerContract,
    StateContract,
    ReplyContract,
):
    """The contract; a subclass gives `store`, a store that was never opened."""

    @pytest.fixture
    def store(self) -> Store:
        """A store that was never opened."""
        raise AssertionError("a subclass says which store")
