"""The events of mutual aid, by what they happen to."""
