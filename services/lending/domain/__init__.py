"""What lending decides: items, borrowers, stock points, campaigns, digests."""
