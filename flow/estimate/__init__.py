"""What a design takes before it is built: memories, cells, DSPs and cycles."""
