"""Small mistakes made on purpose, to see whether a test notices (`make mutants`, CONTRIBUTING.md)."""
