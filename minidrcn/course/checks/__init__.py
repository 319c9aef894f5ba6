"""What students call: one check an exercise, how it judges, and the mistakes it knows."""
