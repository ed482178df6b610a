"""The craftsman loan's decisions: pure. Time, ids and outside facts come in with `LoanFacts`."""
