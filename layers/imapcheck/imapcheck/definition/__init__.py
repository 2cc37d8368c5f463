"""What is asked for: one JSON file becomes one frozen `CheckDefinition`.

May import: errors, result, text (the hall).
Begin with: `model.CheckDefinition`.
"""
