"""The demonstration: the known cases of the craftsman loan, played through the public interface."""
