"""Names and limits of the ways to shorten a long text; does not import TensorFlow."""

# The beginning; or half of the tokens from each end, since the ends of reviews and letters carry much of their meaning
# (Sun et al., 2019, https://arxiv.org/abs/1905.05583); or all of the text in overlapping windows.
WINDOWS = "windows"
TRUNCATIONS = ("head", "head+tail", WINDOWS)

MIN_WINDOW = 8  # tokens, special tokens included
OVERLAP_DIVISOR = 4  # consecutive windows share a quarter of their tokens
