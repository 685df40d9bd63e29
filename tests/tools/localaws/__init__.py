"""Tests of the local cloud: every refusal beside its allowed twin."""
