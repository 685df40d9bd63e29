"""One module for each make target."""
