"""What a text classifier answers: one label, a set of labels, or a number."""
