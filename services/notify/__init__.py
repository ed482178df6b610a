"""Messages to people: which event calls for which words, to whom, by which channel, once."""
