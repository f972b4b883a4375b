"""What computes token vectors in place of a backbone, for prediction only."""
