"""Tests of the IAM policy language and its evaluator."""
