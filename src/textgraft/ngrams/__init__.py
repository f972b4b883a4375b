"""N-grams: a linear model of the words of texts, whose logits are added to those of a network."""
