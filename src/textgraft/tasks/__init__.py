"""One file, one task: a head on a backbone, and the labels it speaks."""
