"""The built-in plugins: an ordinary client of `ppbench`, found only through entry points."""
