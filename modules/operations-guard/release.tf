# `make docs` writes this file. The version is that of pyproject.toml, which a copy of
# the module does not have beside it.
locals {
  release = "0.2.0"
}
