"""Where the record is kept, one module a store."""
