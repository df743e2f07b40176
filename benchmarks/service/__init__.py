"""The service under load: beside `predict`, at half of its capacity, at five times of it, and while it ends."""
