"""Decisions: input to value or error, with no database, network, clock, file or log."""
