"""Decodes a response body of get_users from standard input with UltraCart's Python client.

Prints the seconds of the fastest of several runs. `decode.rs` passes it the same bytes that it decodes itself.
"""

import sys
import time
import types

from ultracart import ApiClient, Configuration
from ultracart.models import UsersResponse

RUNS = 5

client = ApiClient(Configuration())
response = types.SimpleNamespace(data=sys.stdin.read())


def decode_once():
    start = time.perf_counter()
    # As `call_api` does with a response.
    users = client.deserialize(response, (UsersResponse,), True).users
    took = time.perf_counter() - start
    assert users[0].permissions[0].permission_name
    return took


print(min(decode_once() for _ in range(RUNS)))
