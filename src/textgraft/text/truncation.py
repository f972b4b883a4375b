"""Names and limits of the ways to shorten a long text; does not import TensorFlow."""

# head keeps the beginning; head+tail half of the tokens from each end, since the end of a review or a letter is often
# informative (Sun et al., 2019, https://arxiv.org/abs/1905.05583); windows all tokens, in overlapping windows.
WINDOWS = "windows"
TRUNCATIONS = ("head", "head+tail", WINDOWS)

MIN_WINDOW = 8  # tokens, special tokens included
OVERLAP_DIVISOR = 4  # consecutive windows share a quarter of their tokens


def why_no_windows(length: int | None, single_vectors: bool) -> str:
    """Why a sequence length, or a task without one vector per single text, does not suit windows; empty if both do."""
    if length is None or length < MIN_WINDOW:
        return f"truncation windows needs a sequence_length of at least {MIN_WINDOW}, not {length}"
    return "" if single_vectors else "truncation windows needs one vector per single text; choose head or head+tail"
