"""Tests of the local AWS: every refused call stands beside the same call allowed."""
