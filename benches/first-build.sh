#!/usr/bin/env bash
# How long README's first command builds, compared with an empty program that has reqwest and tokio, and how many crates
# each package has.
#
#   benches/first-build.sh [ROUNDS [OTHER]]
#
# ROUNDS is 3 without an argument. OTHER is another checkout of this repository, which is then built as well. Everything
# is fetched first. Each build is cold, in a target directory of its own, and the builds take turns. A checkout is built
# with its own profile, the empty program with cargo's.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")/.." && pwd)
rounds=${1:-3}
other=${2:+$(cd "$2" && pwd)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

locked() { sed -n "/^name = \"$1\"$/{n;s/^version = \"\(.*\)\"$/\1/p;}" "$here/Cargo.lock"; }

mkdir -p "$work/empty/src"
echo 'fn main() {}' > "$work/empty/src/main.rs"
cp "$here/Cargo.lock" "$work/empty"
cat > "$work/empty/Cargo.toml" << END
[package]
name = "empty"
edition = "2024"

[dependencies]
reqwest = "=$(locked reqwest)"
tokio = { version = "=$(locked tokio)", features = ["full"] }

[workspace]
END

for directory in "$work/empty" "$here" ${other:+"$other"}; do
    (cd "$directory" && cargo fetch --quiet)
done

row() { printf '%-10s%-16s%10s%10s%8s\n' "$@"; }

# NAME DIRECTORY ARGUMENTS: builds it, and notes the seconds.
build() {
    local name=$1 directory=$2 TIMEFORMAT='%R %U'
    shift 2
    { time (cd "$directory" && cargo build --quiet --target-dir "$work/target" "$@" 2>&3); } 3>&2 2>> "$work/$name.times"
    rm -rf "$work/target"
    # shellcheck disable=SC2046 # two numbers
    row "round $round" "$name" $(tail -n 1 "$work/$name.times") ""
}

# NAME COLUMN
median() {
    cut -d ' ' -f "$2" "$work/$1.times" | sort -n |
        awk '{ of[NR] = $1 } END { printf "%.2f", (of[int((NR + 1) / 2)] + of[int(NR / 2) + 1]) / 2 }'
}

row "" "" "wall s" "user s" "wall"
for round in $(seq "$rounds"); do
    build empty "$work/empty"
    build canva-cli "$here" --package canva-cli
    if [ -n "$other" ]; then build other "$other" --package canva-cli; fi
done
for name in empty canva-cli ${other:+other}; do
    wall=$(median "$name" 1)
    row median "$name" "$wall" "$(median "$name" 2)" "$(awk "BEGIN { printf \"x %.2f\", $wall / $(median empty 1) }")"
done

crates() { (cd "$2" && cargo tree --package "$1" --edges normal --prefix none | sed 's/ (.*//' | sort -u | wc -l); }

for package in canva-connect canva-simulator canva-cli; do
    row crates "$package" "$(crates "$package" "$here")" ${other:+"$(crates "$package" "$other")"}
done
