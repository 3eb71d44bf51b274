"""Whole histories of the core in virtual time: clients, a network and crashes, all drawn from one seed."""
