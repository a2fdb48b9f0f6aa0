"""What of this program moves from one path to the other, and how it is wired to the rollout."""
