"""From pixels to spikes."""
