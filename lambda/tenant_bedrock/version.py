"""The version of the package, which `make docs` writes from pyproject.toml."""

__version__ = "0.2.0"
