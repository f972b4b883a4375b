"""Fuzzing of the readers of files: random changes to valid files, and checks of what the readers make of them."""
