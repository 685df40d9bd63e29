from tests.checkout import checkout  # noqa: F401 - a fixture
