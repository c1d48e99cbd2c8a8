"""The chip between its pins: clock, reset, and the boards there is a build for."""
