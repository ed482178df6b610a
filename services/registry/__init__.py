"""Registry: federations, unions, employers and members; the only home of names, numbers and phones."""
