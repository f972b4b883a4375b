"""Whether texts and answers have changed since a training."""
