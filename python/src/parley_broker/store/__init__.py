"""What outlives the broker's process."""
