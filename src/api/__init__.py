"""The HTTP control API: loopback only, on threads of its own, so that it always answers.

It reads the state from the database and hands commands to the server through a
mailbox; it knows neither of the two paths.
"""
