"""What is known of other people's interfaces, apart from the algorithm: data that grows, code that doesn't."""
