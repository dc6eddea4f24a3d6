"""The built-in commands, one module a room. They parse, call the core and print; they compute nothing."""
