"""匠心贷, the craftsman loan."""
