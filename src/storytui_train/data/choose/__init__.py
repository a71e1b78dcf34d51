"""Which texts are good enough, and right: measured, judged, and each kept once."""
