"""A user in headless Chromium who consents: it opens the page that is given, looks at what is asked, allows it, and prints
the page that the integration then shows.

The arguments are chromedriver, the browser, and the consent page's URL. It speaks WebDriver, so that it clicks where a
person would.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

DRIVER, BROWSER, PAGE = sys.argv[1:]
PATIENCE = 60
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"}, method=method)
    # Straight to this machine, whatever proxies there are.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as response:
            return json.load(response)["value"]
    except urllib.error.HTTPError as error:
        sys.exit(f"chromedriver: {json.load(error)['value']['message']}")


def find(session, selector):
    return call("POST", f"{session}/element", {"using": "css selector", "value": selector})[ELEMENT]


def wait_for(what, ready):
    end = time.monotonic() + PATIENCE
    while not (found := ready()):
        if time.monotonic() > end:
            sys.exit(f"waited in vain for {what}")
        time.sleep(0.1)
    return found


def port(line):
    """chromedriver says which free port it took."""
    _, _, port = line.rpartition("started successfully on port ")
    return port.strip().rstrip(".")


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        lines = (line for line in driver.stdout if "started successfully" in line)
        base = f"http://127.0.0.1:{port(next(lines))}"
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}"]
        chrome = {"binary": BROWSER, "args": arguments + ["--disable-background-networking", "--disable-sync"]}
        asked = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": chrome}}}
        session = f"/session/{call('POST', '/session', asked)['sessionId']}"
        try:
            call("POST", f"{session}/url", {"url": PAGE})
            text = call("GET", f"{session}/element/{find(session, 'main')}/text")
            for said in ["use your Canva account?", "Upload images and videos for you", "Both answers lead back to"]:
                if said not in text:
                    sys.exit(f"the consent page doesn't say {said!r}:\n{text}")
            call("POST", f"{session}/element/{find(session, 'button[value=allow]')}/click", {})
            origin = "/".join(PAGE.split("/")[:3])
            wait_for("the integration's page", lambda: not call("GET", f"{session}/url").startswith(origin))
            print(call("GET", f"{session}/source"))
        finally:
            call("DELETE", session)
    finally:
        driver.terminate()
        driver.wait()
