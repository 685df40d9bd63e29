"""What every command shares: its arguments, its output, and the environment it opens."""
