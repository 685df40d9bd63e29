"""Runs Terraform: one state, many states side by side, and the toolchain."""
