"""Commands of verify.formal under the names of old."""
