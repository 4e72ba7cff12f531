"""Selections: values decide which entry, its tangent comes along."""
