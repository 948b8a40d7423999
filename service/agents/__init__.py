"""Studies for agents: a server of the Model Context Protocol (``dit-ablate mcp``).

``desk.py`` does what an agent may ask for, in plain Python; ``server.py`` tells it over the protocol.
"""
