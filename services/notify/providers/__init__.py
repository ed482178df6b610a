"""Ways to send: each speaks one protocol to one kind of provider."""
