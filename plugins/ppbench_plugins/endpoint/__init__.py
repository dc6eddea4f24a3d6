"""The mock endpoint: the mock model behind real sockets, for any client."""
