"""Networks drawn so that every pair of features meets, each simulated and compared with golden."""
