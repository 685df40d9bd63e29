"""What `make demo` shows: calls, records, a search for what was stored, and attacks."""
