"""The commands, filed as the steps that send them are: connection, login, reading, filing.

Each takes what it needs, sends one command through `engine`, and returns what the server said.
"""
