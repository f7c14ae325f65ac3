"""``scripts/chaos``: real processes, killed at random, and a sender that remembers what it was answered."""
