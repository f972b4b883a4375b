"""One file per data format; each defines one subclass of `Format`."""
