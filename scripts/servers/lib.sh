# Shared by the server scripts beside it: certificate, waiting, stopping. Sourced, never run.
#
# Each of them has one command: `NAME.sh run DIR PORT` runs a throwaway server, whole in DIR and on loopback only, IMAP
# (with STARTTLS) on PORT and IMAPS on PORT+1, prints "ready" when both answer, and stops the server with all its
# processes when its standard input ends or a signal comes. Whoever starts it so cannot leave it behind, however it dies.
# It ends with 3 if the server is not on this machine.

PATH=$PATH:/usr/sbin:/sbin

set -m # each server is a process group of its own, so that it can be ended as a whole

# The user the server runs as: the caller, or `nobody` when the caller is root.
if [ "$(id -u)" = 0 ]; then user=nobody group=nogroup; drop="setpriv --reuid=nobody --regid=nogroup --clear-groups"
else user=$(id -un) group=$(id -gn); drop=; fi

usage() { echo "usage: $(basename "$0") run DIR PORT" >&2; exit 2; }

# make_certificate DIR: key.pem and cert.pem for localhost. An elliptic curve, since an RSA key takes too long.
make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2' -keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null
}

# greeted PORT: whether an IMAP server greets there.
greeted() {
  local line fd
  { exec {fd}<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  IFS= read -r -t 5 line <&"$fd" 2>/dev/null || line=
  exec {fd}>&-
  [[ $line == '* OK'* ]]
}

# listening PORT: whether anything accepts connections there.
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# run_until_stdin_ends PID PORT LOG: "ready" once it greets, then waits for the end of standard input, then stops PID.
run_until_stdin_ends() {
  local pid=$1 port=$2 log=$3 try
  server=$1 stdin=
  trap 'stop_server "$server"; [ -z "$stdin" ] || kill "$stdin" 2>/dev/null || true' EXIT
  trap 'exit 0' TERM INT HUP
  for ((try = 0; try < 600; try++)); do
    kill -0 "$pid" 2>/dev/null || { echo "the server ended at once:" >&2; tail -n 20 "$log" >&2; exit 1; }
    if greeted "$port" && listening $((port + 1)); then echo ready; break; fi
    sleep 0.03
  done
  [ "$try" -lt 600 ] || { echo "the server never greeted:" >&2; tail -n 20 "$log" >&2; exit 1; }
  cat <&0 >/dev/null & # in the background: `wait` lets a signal through at once, `read` does not
  stdin=$!
  wait "$stdin" || true
}

# stop_server PID: ends its process group, those of its children that left it and are listed in DIR/groups, and a daemon
# run from the folder $scratch, if it has one. What it served is thrown away, so nothing is worth waiting for.
stop_server() {
  local group groups="$1 $(cat "$D/groups" 2>/dev/null)"
  for group in $groups; do kill -TERM -- "-$group" 2>/dev/null || true; done
  sleep 0.05
  for group in $groups; do kill -KILL -- "-$group" 2>/dev/null || true; done
  wait "$1" 2>/dev/null || true
  [ -n "${scratch:-}" ] || return 0
  local exe id
  for exe in /proc/[0-9]*/exe; do
    id=${exe#/proc/}
    if [ "$exe" -ef "$scratch/gam_server" ]; then kill -KILL "${id%/exe}" 2>/dev/null || true; fi
  done
  rm -rf "$scratch"
}

# The unpacked server of a script, as scripts/test leaves it: DIR/NAME/root below the cache folder.
unpacked() {
  local root=${MAILFERRY_SERVERS:-$(dirname "$(realpath "$0")")/../../target/servers}/$1/root
  [ -e "$root/.done" ] || { echo "$1 is not unpacked: run scripts/test" >&2; exit 3; }
  realpath "$root"
}

# libraries ROOT: its library folders, as LD_LIBRARY_PATH takes them.
libraries() { printf '%s:' "$1"/usr/lib/*-linux-gnu "$1"/lib/*-linux-gnu "$1"/usr/lib; }

# unpack NAME PACKAGE...: downloads Debian packages with what they need and unpacks them, once. They conflict with
# dovecot-imapd, so they are never installed.
unpack() {
  local name=$1 cache=${MAILFERRY_SERVERS:-$(dirname "$(realpath "$0")")/../../target/servers}; shift
  local root=$cache/$name/root debs=$cache/$name/debs deb
  [ ! -e "$root/.done" ] || return 0
  mkdir -p "$root" "$debs"
  (
    cd "$debs"
    # What would be new here; not what would only be newer, nor what an IMAP server alone does not use.
    apt-get -o APT::Install-Recommends=0 -s install "$@" |
      awk '$1 == "Inst" && $3 !~ /^\[/ && $2 !~ /^(exim4|gawk|libsigsegv|libclamav|gnutls)/ {print $2}' |
      xargs apt-get -qq download 2>/dev/null
    for deb in *.deb; do dpkg -x "$deb" ../root; done
  )
  rm -rf "$debs"
  : > "$root/.done"
}
