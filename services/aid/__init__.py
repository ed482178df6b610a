"""Mutual medical aid (职工医疗互助保障)."""
