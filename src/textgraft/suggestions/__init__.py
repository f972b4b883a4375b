"""Which unlabelled texts to label next."""
