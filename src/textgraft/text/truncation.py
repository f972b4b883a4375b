"""Names and limits of the ways to shorten a long text; does not import TensorFlow."""

# head keeps the beginning; head+tail half of the tokens from each end, since the end of a review or a letter is often
# informative (Sun et al., 2019, https://arxiv.org/abs/1905.05583); windows all tokens, in overlapping windows.
WINDOWS = "windows"
TRUNCATIONS = ("head", "head+tail", WINDOWS)

MIN_WINDOW = 8  # tokens, special tokens included
OVERLAP_DIVISOR = 4  # consecutive windows share a quarter of their tokens
