"""Texts and labels: from the files people have to rows in order, with bounded memory and without TensorFlow."""
