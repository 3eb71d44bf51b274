"""The proof that the kit's checks bite: implementations with one bug each, and the checks that must catch it."""
