"""From networks of others to integers: readers, the float network, the quantiser."""
