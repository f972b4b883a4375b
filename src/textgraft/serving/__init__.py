"""An HTTP server of predictions: models, the queue of texts, admission, and one file per protocol in `protocols`."""
