"""What `make demo` shows: calls, records, a search for what was stored, attacks, and the guard."""
