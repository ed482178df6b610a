"""A half-year of mutual aid, played through public commands: what is to happen is drawn from a seed beforehand."""
