"""Mutual aid's decisions: pure. Time, ids and outside facts come in with `AidFacts`."""
