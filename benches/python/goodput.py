"""Makes CALLS calls with UltraCart's Python client in a plain retry loop, one after the other.

usage: goodput.py CALLS, with ULTRACART_BASE_URL and ULTRACART_SIMPLE_KEY set. `benches/goodput.rs` runs it, too.
Prints the numbers of successful calls and of 429s, and the seconds.

UltraCart's 429 names no time to wait. So the loop waits for the length of the window after the first 429 of a call, and
doubles the wait after each further one, up to a minute.
"""

import os
import sys
import time

from ultracart import ApiClient, ApiException, Configuration
from ultracart.api.user_api import UserApi

WINDOW = 1.0
MAX_PAUSE = 60.0


def main(calls):
    config = Configuration(
        host=os.environ["ULTRACART_BASE_URL"],
        api_key={"x-ultracart-simple-key": os.environ["ULTRACART_SIMPLE_KEY"]},
    )
    # The client does not retry, since the loop below does.
    config.retries = False
    api = UserApi(ApiClient(config, header_name="X-UltraCart-Api-Version", header_value="2017-03-01"))
    rejected, start = 0, time.monotonic()
    for n in range(calls):
        pause = WINDOW
        while True:
            try:
                api.get_user(1 + n % 5)
                break
            except ApiException as error:
                if error.status != 429:
                    raise
                rejected += 1
                time.sleep(pause)
                pause = min(pause * 2, MAX_PAUSE)
    print(calls, rejected, round(time.monotonic() - start, 3))


if __name__ == "__main__":
    main(int(sys.argv[1]))
