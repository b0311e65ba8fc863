"""What the lease commands show: the envelope as text, as a picture in the terminal, and as SVG."""
