"""What all tests share. It lies here because `tests` has other files of this name, which mypy would mix up."""

pytest_plugins = ["rotation"]
