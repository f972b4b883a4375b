"""One file, one objective: a label, a set of labels, a number, tags of words, or tokens."""
