"""Tasks, one per module: a backbone with a head, its training and its predictions."""
