"""The IAM policy language: parsing, conditions, wildcards and evaluation. It imports no other part of this project."""
