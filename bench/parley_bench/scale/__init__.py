"""How the reference broker bends: with subscriptions, agents, sessions and payload; and what its memory holds."""
