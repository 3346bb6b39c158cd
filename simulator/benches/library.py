"""How long requests take with 10 000 assets in the library: `python3 simulator/benches/library.py target/release/canva`."""

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

ASSETS = 10_000
FIXTURES = Path(__file__).parent / "../../tests/fixtures"

command = [sys.argv[1], "--json", "simulate", "--port", "0", "--job-time", "0"]
simulator = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
printed = json.loads(simulator.stdout.readline())
connection = http.client.HTTPConnection(printed["base_url"].removeprefix("http://").removesuffix("/rest"))


def call(method, path, body=None, headers={}):
    authorization = {"authorization": "Bearer " + printed["access_token"]}
    connection.request(method, "/rest/v1" + path, body, headers | authorization)
    answer = connection.getresponse().read()
    return json.loads(answer) if answer else None


def send(path, value):
    return call("POST", path, json.dumps(value), {"content-type": "application/json"})


def upload():
    head = {"content-type": "application/octet-stream", "asset-upload-metadata": '{"name_base64":"UGhvdG8="}'}
    return call("POST", "/asset-uploads", image, head)["job"]


def timed(what, requests):
    begun = time.perf_counter()
    count = sum(1 for _ in requests)
    print(f"{what}: {(time.perf_counter() - begun) / count * 1000:.2f} ms", flush=True)


def pages():
    path = "/folders/uploads/items?limit=100"
    page = call("GET", path)
    yield page
    while "continuation" in page:
        page = call("GET", f"{path}&continuation={page['continuation']}")
        yield page


image = (FIXTURES / "kinds/image.jpg").read_bytes().ljust(4096, b"\0")
jobs = []
timed("uploads", (jobs.append(upload()) for _ in range(ASSETS)))
assets = [job["asset"]["id"] for job in jobs]
timed("reads of jobs", (call("GET", "/asset-uploads/" + job["id"]) for job in jobs))
timed("reads of assets", (call("GET", "/assets/" + asset) for asset in assets))
timed("pages of 100", pages())
timed("moves", (send("/folders/move", {"item_id": asset, "to_folder_id": "root"}) for asset in assets))
timed("deletes", (call("DELETE", "/assets/" + asset) for asset in assets))
urls = (f"http://192.0.2.1/{number}" for number in range(ASSETS // 2))
timed("uploads from a URL each", (send("/url-asset-uploads", {"name": "a", "url": url}) for url in urls))
simulator.kill()
