# Sourced by the scripts beside it: leaves a Node that can run Bascule on PATH and the dependencies installed.
# Needs any Node 20 or newer with npm. Where the machine's own Node is older than 24.15, a pinned one is taken from the
# npm registry (bin/runtime), whole and without an install script; nothing outside this folder is touched.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

can_run_bascule() {
  "$1" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 24 || (a == 24 && b >= 15) ? 0 : 1)' 2>/dev/null
}

say() { if [ -t 2 ]; then printf '\033[2m%s\033[0m\n' "$*" >&2; else echo "$*" >&2; fi; }
# Somebody who wants to see a demo is not asked to update npm.
export npm_config_update_notifier=false

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "Bascule needs Node 20 or newer with npm to set itself up; install them (https://nodejs.org) and run this again." >&2
  exit 2
fi

if ! can_run_bascule node; then
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) platform=linux-x64 ;;
    Linux-aarch64 | Linux-arm64) platform=linux-arm64 ;;
    *)
      echo "Bascule needs Node 24.15 or newer; this is $(node --version). Install it (https://nodejs.org) and run this again." >&2
      exit 2
      ;;
  esac
  runtime="$root/bin/runtime/node_modules/node-$platform/bin"
  if ! can_run_bascule "$runtime/node"; then
    say "setting up: Node 24 from the npm registry (this machine has $(node --version))"
    (cd "$root/bin/runtime" && npm ci --no-audit --no-fund --loglevel=error >&2)
  fi
  export PATH="$runtime:$PATH"
fi

if [ ! -f "$root/node_modules/.package-lock.json" ] || [ "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ]; then
  say "setting up: dependencies"
  (cd "$root" && npm ci --no-audit --no-fund --loglevel=error >&2 && touch node_modules/.package-lock.json)
fi

# The dashboard's files, a few seconds' work, whenever something that they are made of is newer. What they take from src is words.
if [ ! -f "$root/dashboard/built/index.html" ] || [ -n "$(find "$root/dashboard" "$root/src/cli" "$root/src/api" "$root/package-lock.json" -newer "$root/dashboard/built/index.html" -not -path '*/built*' -not -path '*/node_modules/*' -type f -print -quit)" ]; then
  say "setting up: dashboard"
  (cd "$root" && npm run --silent build:dashboard >&2)
fi
