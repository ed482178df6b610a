"""The published language: what programmes say to one another and to the world."""
