"""What is measured, written once for both paths."""
