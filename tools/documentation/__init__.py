"""Writes the reference pages that are generated from their sources."""
