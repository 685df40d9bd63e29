"""The IAM policy language: parsing, conditions, wildcards and evaluation. Imports nothing of ours."""
