"""Decodes the answer to get_users on standard input with UltraCart's own Python client, and prints the seconds that its
fastest of several times took. `decode.rs` gives it the bytes that it decodes itself."""

import sys
import time
import types

from ultracart import ApiClient, Configuration
from ultracart.models import UsersResponse

TIMES = 5

client = ApiClient(Configuration())
answer = types.SimpleNamespace(data=sys.stdin.read())


def once():
    start = time.perf_counter()
    # What `call_api` does with an answer.
    users = client.deserialize(answer, (UsersResponse,), True).users
    took = time.perf_counter() - start
    assert users[0].permissions[0].permission_name
    return took


print(min(once() for _ in range(TIMES)))
