"""The shell that a service runs in. Knows no programme."""
