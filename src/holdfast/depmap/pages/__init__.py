"""Templates, styles and scripts of the map's page."""
