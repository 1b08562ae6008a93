"""How this machine reaches the network: the environment's proxies and certificates, and every HTTP client.

A client made elsewhere would read the environment by rules of its own.
"""
