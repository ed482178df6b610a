"""Lending: shared helmets (共享头盔), and whatever else is lent the same way."""
