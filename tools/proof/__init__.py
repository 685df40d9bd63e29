"""Saved plans, the certificate that names them, and applies of exactly what was proved."""
