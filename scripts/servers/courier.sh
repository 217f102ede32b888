#!/bin/bash
# A throwaway Courier IMAP (Debian: courier-imap, unpacked by scripts/test), unprivileged where the caller is, loopback only.
#   courier.sh fetch          download and unpack it into the cache folder
#   courier.sh run DIR PORT   see lib.sh; users test, test2, anna / testpass
# Everything lives under "INBOX."; no LITERAL+, no MULTIAPPEND. Settings by environment: CAPA="IMAP4rev1 ..."
set -eu
. "$(dirname "$(realpath "$0")")/lib.sh"
if [ "${1:-}" = fetch ]; then unpack courier courier-imap; exit; fi
[ $# = 3 ] && [ "$1" = run ] || usage
R=$(unpacked courier)
mkdir -p "$2"; D=$(realpath "$2"); port=$3

# Courier has its folders built in. A copy of it gets others instead, in names of the same length: /etc/courier and
# /run/courier (12 letters) become HOME, /usr/lib/courier (16) becomes HOME/lib, and /usr/libexec (12) HOME too.
HOME=$(mktemp -d /tmp/cXXXXXX)
scratch=$HOME # what runs from it is ended and it is removed at the end, see lib.sh
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$HOME" "$D"
mkdir -p "$HOME/authdaemon" "$HOME/files" "$D/mail"
cp -a "$R"/etc/courier/. "$HOME/"
if [ -e "$R/usr/libexec/gam_server" ]; then cp -a "$R/usr/libexec/gam_server" "$HOME/"; fi # none since Courier 1.4
cp -a "$R/usr/lib/courier" "$HOME/lib"
cp -a "$R/usr/lib/courier-authlib" "$HOME/lib-authlib"
cp -a "$R"/usr/lib/libcourier*.so.* "$R"/usr/lib/*-linux-gnu/lib{courier,fam,gamin}*.so.* \
  "$R"/usr/bin/{imapd,couriertls,maildirmake.courier} "$R"/usr/sbin/{userdb,makeuserdb,couriertcpd} "$HOME/files/" 2>/dev/null || true
find "$HOME" -type f -exec env LC_ALL=C sed -i "s#/usr/lib/courier#$HOME/lib#g; s#/etc/courier#$HOME#g; s#/run/courier#$HOME#g; s#/usr/libexec#$HOME#g" {} +
export PATH=$HOME/files:$PATH LD_LIBRARY_PATH
LD_LIBRARY_PATH=$HOME/files:$HOME/lib-authlib:$(libraries "$R")

make_certificate "$D"
cat "$D/key.pem" "$D/cert.pem" > "$D/both.pem"
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/; s/^daemons=.*/daemons=1/' "$HOME/authdaemonrc"
if [ -n "${CAPA:-}" ]; then sed -i "s/^IMAP_CAPABILITY=.*/IMAP_CAPABILITY=\"$CAPA\"/" "$HOME/imapd"; fi
sed -i "s#^TLS_CERTFILE=.*#TLS_CERTFILE=$D/both.pem#; s/^TLS_CACHEFILE=.*/TLS_CACHEFILE=/;
  s/^IMAPDSTARTTLS=.*/IMAPDSTARTTLS=YES/" "$HOME/imapd-ssl"

password=$(openssl passwd -6 testpass)
for login in test test2 anna; do
  mkdir -p "$D/mail/$login"
  maildirmake.courier "$D/mail/$login/Maildir"
  userdb "$login" set "uid=$(id -u "$user")" "gid=$(id -g "$user")" "home=$D/mail/$login" \
    "mail=$D/mail/$login/Maildir" "systempw=$password" "imappw=$password"
done
if [ -n "$drop" ]; then chown -R "$user:$group" "$D/mail"; fi
chmod 700 "$HOME/userdb"
makeuserdb

serve() {
  set +m # all in one process group
  "$HOME/lib/courier-authlib/authdaemond" &
  set -a +u; . "$HOME/imapd-ssl"; . "$HOME/imapd"; set +a -u
  export IMAP_STARTTLS=YES IMAP_TLS_REQUIRED=0 COURIERTLS=$HOME/files/couriertls
  local tcpd="couriertcpd -address=127.0.0.1 -maxprocs=200 -maxperip=100 -nodnslookup"
  if grep -aq noidentlookup "$HOME/files/couriertcpd"; then tcpd+=" -noidentlookup"; fi # gone since Courier 1.4
  local imapd="$HOME/lib/courier/imaplogin $HOME/files/imapd Maildir"
  $tcpd "$port" $imapd &
  echo $! >> "$D/groups" # it leads a group of its own
  IMAP_TLS=1 $tcpd "$((port + 1))" "$COURIERTLS" -server -tcpd $imapd &
  echo $! >> "$D/groups"
  wait -n # when one ends, all do
}
: > "$D/server.log"
serve </dev/null >>"$D/server.log" 2>&1 &
run_until_stdin_ends $! "$port" "$D/server.log"
