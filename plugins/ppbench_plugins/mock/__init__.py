"""The mock model: an oracle over the text it is given, and a latency model. It shows the tool, not a model."""
