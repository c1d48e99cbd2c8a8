"""The commands of sam-snn that no room below has."""
