# Shared by scripts/test, scripts/demo, scripts/fuzz and .ci/run: installs what a fresh Debian or Ubuntu lacks. Sourced, never run.

PATH=$PATH:/usr/sbin:/sbin

# What each part needs: how to see that it is there, and the Debian packages that bring it.
missing_packages() {
  local part
  for part in "$@"; do
    case $part in
      compiler) printf 'int main(void){return 0;}\n' | cc -x c -o /dev/null - 2>/dev/null || echo gcc libc6-dev ;;
      cxx-compiler) command -v c++ >/dev/null || echo g++ ;;
      openssl-headers) pkg-config --exists openssl 2>/dev/null || echo pkg-config libssl-dev ;;
      dovecot) [ -x /usr/lib/dovecot/imap ] || echo dovecot-imapd ;;
      python) python3 -c 'import imaplib, ssl' 2>/dev/null || echo python3 ;;
      tmux) command -v tmux >/dev/null || echo tmux ;;
      faketime) command -v faketime >/dev/null || echo faketime ;;
      strace) command -v strace >/dev/null || echo strace ;;
      openssl) command -v openssl >/dev/null || echo openssl ;;
      peers)
        command -v mbsync >/dev/null || echo isync
        command -v mailutil >/dev/null || echo uw-mailutils
        command -v curl >/dev/null || echo curl
        command -v mutt >/dev/null || echo mutt ;;
      terminals)
        command -v tmux >/dev/null || echo tmux
        command -v screen >/dev/null || echo screen ;;
      line-peers)
        command -v mc >/dev/null || echo mc
        command -v mutt >/dev/null || echo mutt
        command -v aerc >/dev/null || echo aerc ;;
      util-linux) command -v flock setpriv unshare >/dev/null || echo util-linux ;;
      screenshots)
        command -v rsvg-convert >/dev/null || echo librsvg2-bin
        [ -e /usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf ] || echo fonts-dejavu-core ;;
      *) echo "missing_packages: no part called $part" >&2; return 2 ;;
    esac
  done
}

# Runs a command as root, or says which packages a person has to install.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    echo "This needs root, and there is no sudo. Please run as root: $*" >&2
    return 1
  fi
}

# install_missing PART...: installs the packages of the parts that are not there, and nothing if all are.
install_missing() {
  local packages
  packages=$(missing_packages "$@" | xargs)
  [ -n "$packages" ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "Missing, and this is not Debian or Ubuntu. Please install what these packages hold there: $packages" >&2
    return 1
  fi
  echo "installing: $packages" >&2
  # A server that comes with a package must not start by itself: the tests start their own, on loopback.
  local policy=/usr/sbin/policy-rc.d own_policy=
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null || return 1
    as_root chmod 755 $policy
    own_policy=yes
  fi
  local failed=
  # shellcheck disable=SC2086 # a list of words
  as_root env DEBIAN_FRONTEND=noninteractive sh -c '
    apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@" >/dev/null' sh $packages || failed=yes
  if [ -n "$own_policy" ]; then as_root rm -f $policy; fi
  case $packages in *dovecot*) # nor at the next boot
    if [ -d /run/systemd/system ]; then as_root systemctl disable -q dovecot.service dovecot.socket 2>/dev/null || true; fi ;;
  esac
  packages=$(missing_packages "$@" | xargs)
  if [ -n "$failed" ] || [ -n "$packages" ]; then
    echo "Could not install. Still missing: ${packages:-nothing, but apt-get failed}" >&2
    return 1
  fi
}

# Rust is the one thing that is not installed here: how it gets onto a machine is its owner's choice.
need_cargo() {
  command -v cargo >/dev/null || PATH=$PATH:$HOME/.cargo/bin
  command -v cargo >/dev/null || { echo "Missing: cargo (a Rust toolchain, see rust-version in Cargo.toml)" >&2; return 1; }
}
