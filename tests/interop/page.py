"""What a web page of this machine does, against `canva simulate`, in headless Chromium: it uploads, polls, renames and
shows an asset, reads why it is refused, and can't reach the token endpoint.

Reads the JSON that `canva --json simulate` prints. The first argument is the browser.
"""

import http.server
import json
import queue
import subprocess
import sys
import tempfile
import threading

CANVA = json.load(sys.stdin)
PATIENCE = 120

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script>
const canva = CANVA, told = {};
const authorization = { Authorization: `Bearer ${canva.access_token}` };
async function json(path, options = {}) {
  const response = await fetch(canva.base_url + path, { ...options, headers: { ...authorization, ...options.headers } });
  return response.status === 204 ? { status: 204 } : { status: response.status, ...(await response.json()) };
}
async function main() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 30, height: 20 });
  canvas.getContext("2d").fillRect(0, 0, 9, 9);
  const photo = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const headers = {
    "Content-Type": "application/octet-stream",
    "Asset-Upload-Metadata": JSON.stringify({ name_base64: btoa("From a page") }),
  };
  let { job } = await json("/v1/asset-uploads", { method: "POST", body: photo, headers });
  while (job.status === "in_progress") {
    await new Promise((done) => setTimeout(done, 50));
    ({ job } = await json(`/v1/asset-uploads/${job.id}`));
  }
  told.uploaded = [job.status, job.asset.name, job.asset.metadata.width, job.asset.metadata.height];
  const change = { method: "PATCH", body: '{"name":"Renamed"}', headers: { "Content-Type": "application/json" } };
  told.renamed = (await json(`/v1/assets/${job.asset.id}`, change)).asset.name;
  const shown = Object.assign(new Image(), { src: job.asset.thumbnail.url });
  await shown.decode();
  told.shown = [shown.naturalWidth, shown.naturalHeight];
  told.refused = (await json("/v1/assets/none")).code;
  told.deleted = (await json(`/v1/assets/${job.asset.id}`, { method: "DELETE" })).status;
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: "none" });
  told.tokens = await fetch(canva.token_url, { method: "POST", body: form }).then((it) => it.status, (error) => error.name);
}
main().catch((error) => { told.error = String(error); })
  .finally(() => fetch("/told", { method: "POST", body: JSON.stringify(told) }));
</script>"""

EXPECTED = {
    "uploaded": ["success", "From a page", 30, 20],
    "renamed": "Renamed",
    "shown": [30, 20],
    "refused": "asset_not_found",
    "deleted": 204,
    "tokens": "TypeError",
}


class Server(http.server.BaseHTTPRequestHandler):
    told = queue.Queue()

    def do_GET(self):
        self.answer(PAGE.replace("CANVA", json.dumps(CANVA), 1))

    def do_POST(self):
        self.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer("")

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
# Chromium's children may write into its profile a moment longer than it lives itself.
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    browser = subprocess.Popen(
        [sys.argv[1], "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        + ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        + [f"--user-data-dir={profile}", f"http://localhost:{server.server_port}/"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        told = Server.told.get(timeout=PATIENCE)
    except queue.Empty:
        told = "nothing"
    finally:
        browser.terminate()
        browser.wait()
if told != EXPECTED:
    sys.exit(f"expected {EXPECTED}\ngot      {told}")
