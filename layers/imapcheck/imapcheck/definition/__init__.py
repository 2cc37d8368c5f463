"""What is asked for: one JSON file becomes one frozen `CheckDefinition`, or a list of what is wrong with it.

May import: the hall.
Begin with: `model.CheckDefinition`; `files.load_definition` reads one.
"""
