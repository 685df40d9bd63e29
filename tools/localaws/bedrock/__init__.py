"""Bedrock in the local AWS: its runtime with a stand-in for the models, and its control plane."""
