"""Tables, progress and files of predictions."""
