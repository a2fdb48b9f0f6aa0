"""What the server shows of itself: logs, the tasks' own logs, progress on the terminal."""
