"""Bedrock's runtime and control plane, answered by a stand-in that says so."""
