"""Explanations of predictions: the effect of each word of a text, and how faithful they are to the model."""
