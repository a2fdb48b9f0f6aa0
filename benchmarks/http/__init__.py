"""Clients under test, the server they ask, and a network with round trips."""
