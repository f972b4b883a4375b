"""Long predictions in shards: cut from the rows, computed by an executor in any order, and recorded in a manifest."""
