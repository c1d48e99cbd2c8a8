"""What training runs share: integer neurons with gradients, the loop, the sets."""
