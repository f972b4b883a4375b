"""Ways to shorten a text that is too long, without TensorFlow."""

# The beginning; or half of it and half of the end, where reviews and letters state their verdict (Sun et al., 2019,
# https://arxiv.org/abs/1905.05583); or all of the text, in windows.
WINDOWS = "windows"
TRUNCATIONS = ("head", "head+tail", WINDOWS)

LEAST_WINDOW = 8  # tokens, special ones included
