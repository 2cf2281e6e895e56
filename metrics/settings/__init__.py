"""Settings: declaration, reading from the environment, checks and lists. The settings themselves are elsewhere.

A package declares its settings as the fields of a subclass of `Declared`, and a system's class inherits from those of
the packages that it uses. The variable of a field is its name in upper case. `--help` and the table in the docs are
generated from the declarations.
"""
