"""The chip's side of the wire: from a UART's bits to requests, and from results to bits."""
