"""UltraCart's own Python client in a plain retry loop: so many calls, one after the other.

By hand: `goodput.py CALLS`, with ULTRACART_BASE_URL and ULTRACART_SIMPLE_KEY of an account; `benches/goodput.rs` runs it,
too. It prints calls that were answered, 429s and seconds.

The loop is the one that one would write: a 429 says no time to wait, so it waits as long as the window is at first, twice
as long each time that the call is refused again, and up to a minute.
"""

import os
import sys
import time

from ultracart import ApiClient, ApiException, Configuration
from ultracart.api.user_api import UserApi

WINDOW = 1.0
LONGEST = 60.0


def main(calls):
    config = Configuration(
        host=os.environ["ULTRACART_BASE_URL"],
        api_key={"x-ultracart-simple-key": os.environ["ULTRACART_SIMPLE_KEY"]},
    )
    # One attempt for each call: the loop below tries again.
    config.retries = False
    api = UserApi(ApiClient(config, header_name="X-UltraCart-Api-Version", header_value="2017-03-01"))
    refused, start = 0, time.monotonic()
    for n in range(calls):
        pause = WINDOW
        while True:
            try:
                api.get_user(1 + n % 5)
                break
            except ApiException as error:
                if error.status != 429:
                    raise
                refused += 1
                time.sleep(pause)
                pause = min(pause * 2, LONGEST)
    print(calls, refused, round(time.monotonic() - start, 3))


if __name__ == "__main__":
    main(int(sys.argv[1]))
