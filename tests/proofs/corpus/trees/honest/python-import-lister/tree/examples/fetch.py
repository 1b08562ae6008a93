"""Lists the imports of a page's Python file; needs the package requests."""

import requests

print(requests.get("https://example.org/setup.py", timeout=10).text)
