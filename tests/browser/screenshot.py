"""Takes the README's screenshot of a report.

usage: screenshot.py AUDIT_HTML docs/report.png
"""

import sys

from chromium import address, chromium

if len(sys.argv) != 3:
    sys.exit(__doc__)
with chromium() as browser:
    page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
    page.goto(address(sys.argv[1]))
    # Keep the key figures, two findings and the picture of permissions; remove the other findings.
    page.evaluate(
        """() => {
          for (const card of Array.from(document.querySelectorAll(".card")).slice(2)) card.remove();
          document.querySelector("h3.quiet")?.remove();
          document.querySelector("ul.clear")?.remove();
        }"""
    )
    bottom = page.locator("#matrix figure").bounding_box()
    clip = {"x": 0, "y": 0, "width": 1280, "height": min(bottom["y"] + bottom["height"] + 24, 2000)}
    page.screenshot(path=sys.argv[2], full_page=True, clip=clip)
