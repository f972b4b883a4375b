"""One file here is one data format; `base` is the contract."""
