"""Reads the records in a customer account and compares them with Bedrock's counts."""
