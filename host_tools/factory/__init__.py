"""Complete flash images: what a board is given once, through a cable."""
