"""Memories: spike trains, weights, and what watches them."""
