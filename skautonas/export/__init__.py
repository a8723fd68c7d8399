"""One model out: the formats that a searched model can be saved in."""
