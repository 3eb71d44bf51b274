"""What belongs to keys: places, subscriptions, deliveries."""
