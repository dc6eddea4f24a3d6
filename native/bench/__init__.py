"""The bench: clients side by side against a server that writes its own clock. `make bench`; README.md shows the table."""
