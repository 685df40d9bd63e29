"""What each `make` target runs, one module a target; `make` lists them."""
