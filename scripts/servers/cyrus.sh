#!/bin/bash
# A throwaway Cyrus IMAP (Debian: cyrus-imapd, unpacked by scripts/test), unprivileged, loopback only.
#   cyrus.sh fetch          download and unpack it into the cache folder
#   cyrus.sh run DIR PORT   see lib.sh; users test, test2, anna / testpass; admin cyrus / cyruspass (proxy login:
#                           AUTHENTICATE PLAIN with authzid test and authcid cyrus)
# Settings by environment: ALTNS=no UNIXSEP=no (gives "INBOX." and "."), MAXMSG=100000, QUOTAKB=300, EXTRA_IMAPD=
set -eu
. "$(dirname "$(realpath "$0")")/lib.sh"
if [ "${1:-}" = fetch ]; then unpack cyrus cyrus-imapd sasl2-bin; exit; fi
[ $# = 3 ] && [ "$1" = run ] || usage
R=$(unpacked cyrus)
mkdir -p "$2"; D=$(realpath "$2"); PORT=$3; B=$R/usr/lib/cyrus/bin
LD_LIBRARY_PATH=$(libraries "$R"); export LD_LIBRARY_PATH
SASL_PATH=$(echo "$R"/usr/lib/*-linux-gnu/sasl2 /usr/lib/*-linux-gnu/sasl2 | tr ' ' :); export SASL_PATH
mkdir -p "$D"/conf/{socket,proc,db,log,msg,lock} "$D"/spool "$D"/run
make_certificate "$D"
cat > "$D/imapd.conf" <<C
configdirectory: $D/conf
cyrus_user: $user
cyrus_group: $group
partition-default: $D/spool
defaultpartition: default
admins: cyrus
proxyservers: cyrus
allowplaintext: yes
unixhierarchysep: ${UNIXSEP:-yes}
altnamespace: ${ALTNS:-yes}
autocreate_quota: ${QUOTAKB:-0}
autocreate_post: yes
autocreate_inbox_folders: Sent | Drafts | Trash | Spam
xlist-sent: Sent
xlist-drafts: Drafts
xlist-trash: Trash
xlist-junk: Spam
specialusealways: yes
maxmessagesize: ${MAXMSG:-0}
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $D/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256
servername: localhost
virtdomains: off
tls_server_cert: $D/cert.pem
tls_server_key: $D/key.pem
idlesocket: $D/run/idle
notifysocket: $D/run/notify
lmtpsocket: $D/run/lmtp
${EXTRA_IMAPD:-}
C
cat > "$D/cyrus.conf" <<C
START {
  recover cmd="$B/ctl_cyrusdb -C $D/imapd.conf -r"
}
SERVICES {
  imap  cmd="$B/imapd -C $D/imapd.conf -U 30" listen="127.0.0.1:$PORT" prefork=0 maxchild=100
  imaps cmd="$B/imapd -C $D/imapd.conf -s -U 30" listen="127.0.0.1:$((PORT + 1))" prefork=0 maxchild=100
}
EVENTS {
}
C
for login in test:testpass test2:testpass anna:testpass cyrus:cyruspass; do
  printf %s "${login#*:}" | "$R/usr/sbin/saslpasswd2" -p -c -f "$D/sasldb2" -u localhost "${login%:*}"
done
: > "$D/server.log"
chmod 755 "$D"
if [ -n "$drop" ]; then chown -R "$user:$group" "$D"; fi
cd "$D"
$drop "$R/usr/sbin/cyrmaster" -C "$D/imapd.conf" -M "$D/cyrus.conf" -p "$D/run/master.pid" -L "$D/server.log" \
  </dev/null >>"$D/server.log" 2>&1 &
run_until_stdin_ends $! "$PORT" "$D/server.log"
