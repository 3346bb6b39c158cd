#!/usr/bin/env python3
"""Makes docs/cli.svg: `canva upload` in a terminal, at the moment when it waits for the limit.

It is a real session: tmux runs the command against `canva simulate`, and what the terminal shows becomes the picture.
Needs tmux. From the root of the repository, after `cargo build -p canva-cli`: docs/cli-svg.py [target/debug/canva]
"""

import html, json, os, re, shutil, subprocess, sys, tempfile, time, unicodedata
from pathlib import Path

HERE = Path(__file__).parent
CANVA = Path(sys.argv[1] if len(sys.argv) > 1 else "target/debug/canva").resolve()
# The one message that is longer is wrapped between two words.
COLUMNS, ROWS = 98, 40
COMMAND = "canva upload Autumn --tag autumn"
NAMES = ["Alley.jpg", "Bridge at dawn.jpg", "Café, 日本語.jpg", "Drone over the vineyards.mp4", "Hero banner 🚀.png"]
NAMES += [f"IMG_{number}.jpg" for number in range(1204, 1224)]

# In light and dark pages alike: the picture has its own background.
PAPER, INK = "#0d1117", "#e6edf3"
INKS = {31: "#ff7b72", 32: "#56d364", 33: "#e3b341", 36: "#76e3ea"}
WIDE = r"\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uff00-\uff60\U0001f000-\U0001faff"
WIDTH, HEIGHT, MARGIN = 8, 19, 16


def main():
    with tempfile.TemporaryDirectory() as directory:
        rows = session(Path(directory))
    (HERE / "cli.svg").write_text(picture(rows))


def session(directory):
    """What the terminal shows, with escapes for colours."""
    fixtures = HERE.parent / "tests/fixtures"
    for folder, names in {"Before": [f"{number}.jpg" for number in range(20)], "Autumn": NAMES}.items():
        (directory / folder).mkdir()
        for name in names:
            shutil.copy(fixtures / {"jpg": "photo.jpg", "png": "photo.png", "mp4": "clip.mp4"}[name[-3:]], directory / folder / name)
    shutil.copy(fixtures / "notes.txt", directory / "Autumn/scan-3.tiff")
    simulate = [CANVA, "--json", "simulate", "--port", "0", "--rate-limits", "sliding-window"]
    simulator = subprocess.Popen(simulate, stdout=subprocess.PIPE, text=True)
    printed = json.loads(simulator.stdout.readline())
    environment = {
        "CANVA_BASE_URL": printed["base_url"],
        "CANVA_ACCESS_TOKEN": printed["access_token"],
        "HOME": str(directory),
        "XDG_STATE_HOME": str(directory / "state"),
        "LANG": "C.UTF-8",
        "PATH": f"{CANVA.parent}:{os.environ['PATH']}",
    }
    # Takes most of what the limit allows in this minute.
    subprocess.run([CANVA, "upload", "Before"], cwd=directory, env=environment, check=True, capture_output=True)

    def tmux(*arguments):
        command = ["tmux", "-S", directory / "tmux", "-f", "/dev/null", *arguments]
        return subprocess.run(command, env=environment, cwd=directory, check=True, capture_output=True, text=True).stdout

    try:
        shell = "PS1='$ ' exec sh"
        tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), shell)
        shown_until(tmux, lambda shown: shown.startswith("$"))
        tmux("send-keys", COMMAND, "Enter")
        # 10 uploads are left, and a file is refused.
        return shown_until(tmux, lambda shown: "Waiting for the limit" in shown and " 11 of " in shown)
    finally:
        tmux("kill-server")
        simulator.terminate()


def shown_until(tmux, comes):
    for _ in range(600):
        shown = tmux("capture-pane", "-e", "-p").rstrip()
        if comes(shown):
            return shown.split("\n")
        time.sleep(0.1)
    sys.exit(f"what the picture is to show never came:\n{shown}")


def cells(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def runs(row, ink, dim):
    """Text with its place, colour and faintness; and the colours that the next row begins with."""
    at, found = 0, []
    for part in re.split(r"(\x1b\[[\d;]*m)", row):
        if part.startswith("\x1b"):
            for code in (int(code or 0) for code in part[2:-1].split(";")):
                ink = INKS.get(code, INK if code in (0, 39) else ink)
                dim = code == 2 or dim and code not in (0, 22)
            continue
        # Gaps aren't kept in an SVG, and what is wide may come from another font: each piece gets a place of its own.
        for text in re.findall(rf"[{WIDE}]+|(?: ?[^ {WIDE}])+| +", part):
            if text.strip():
                found.append((at, text, ink, dim))
            at += cells(text)
    return found, ink, dim


def picture(rows):
    ink, dim, lines = INK, False, []
    for number, row in enumerate(rows):
        found, ink, dim = runs(row, ink, dim)
        for at, text, colour, faint in found:
            start = at + cells(text[: len(text) - len(text.lstrip())])
            text = text.strip()
            fill = "" if colour == INK else f' fill="{colour}"'
            faint = ' opacity=".65"' if faint else ""
            place = f'x="{MARGIN + start * WIDTH}" y="{MARGIN + 13 + number * HEIGHT}" textLength="{cells(text) * WIDTH}"'
            lines.append(f"<text {place}{fill}{faint}>{html.escape(text, quote=False)}</text>")
    width, height = 2 * MARGIN + COLUMNS * WIDTH, 2 * MARGIN + len(rows) * HEIGHT
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title desc">
<title id="title">{COMMAND}</title>
<desc id="desc">A terminal. Each file that is in Canva has a line with its id and its size, and one that Canva doesn't take has the reason. Below, a bar shows how many are done and how long the rest takes, and a line says until when the command waits for the limit of 30 uploads a minute.</desc>
<rect width="100%" height="100%" rx="8" fill="{PAPER}" stroke="#30363d"/>
<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="13" fill="{INK}">
{chr(10).join(lines)}
</g>
</svg>
"""


if __name__ == "__main__":
    main()
