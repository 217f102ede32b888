#!/bin/bash
# A throwaway Dovecot (Debian: dovecot-imapd), unprivileged, whole in one folder, loopback only.
#   dovecot.sh run DIR PORT     see lib.sh; any user name, password "testpass"
# Settings by environment: FORMAT=maildir|sdbox|mdbox  FSYNC=optimized|never|always  SEP=/  PREFIX=  MAXCONN=500
#   QUOTA=50M QUOTAMSG=10 (per user)  MAXMAIL=10M (one message)  MASTER=admin:adminpass (login user*admin)
#   PLAINTEXT=no (forbid login before TLS; seen at 127.0.0.2 only, since Dovecot takes a client with its own address as safe)
set -eu
. "$(dirname "$(realpath "$0")")/lib.sh"
[ $# = 3 ] && [ "$1" = run ] || usage
mkdir -p "$2"; D=$(realpath "$2"); PORT=$3
command -v dovecot >/dev/null || { echo "dovecot-imapd is not installed" >&2; exit 3; }
mkdir -p "$D"/{run,state,mail,home}
make_certificate "$D"

if [ -n "${MASTER:-}" ]; then printf '%s:{PLAIN}%s\n' "${MASTER%%:*}" "${MASTER#*:}" > "$D/masters"; fi
plaintext=${PLAINTEXT:-yes}

settings_2_3() {
  cat <<C
disable_plaintext_auth = $([ "$plaintext" = no ] && echo yes || echo no)
ssl_cert = <$D/cert.pem
ssl_key = <$D/key.pem
mail_location = ${FORMAT:-maildir}:$D/mail/%u
C
  [ -z "${MASTER:-}" ] || cat <<C
passdb {
  driver = passwd-file
  args = $D/masters
  master = yes
  result_success = continue
}
C
  cat <<C
passdb {
  driver = static
  args = password=testpass
}
userdb {
  driver = static
  args = uid=$user gid=$group home=$D/home/%u
}
service imap-login {
  service_count = 0
}
C
  [ -z "${QUOTA:-}${QUOTAMSG:-}${MAXMAIL:-}" ] || cat <<C
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=${QUOTA:-1G}${QUOTAMSG:+:messages=$QUOTAMSG}
  quota_max_mail_size = ${MAXMAIL:-0}
}
C
}

settings_2_4() {
  cat <<C
auth_allow_cleartext = $plaintext
ssl_server_cert_file = $D/cert.pem
ssl_server_key_file = $D/key.pem
mail_driver = ${FORMAT:-maildir}
mail_path = $D/mail/%{user}
C
  [ -z "${MASTER:-}" ] || cat <<C
passdb passwd-file {
  passwd_file_path = $D/masters
  master = yes
  result_success = continue
}
C
  cat <<C
passdb static {
  password = testpass
}
userdb static {
  fields {
    uid = $user
    gid = $group
    home = $D/home/%{user}
  }
}
service imap-login {
  restart_request_count = unlimited
}
C
  [ -z "${QUOTA:-}${QUOTAMSG:-}${MAXMAIL:-}" ] || cat <<C
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
quota "User quota" {
  quota_storage_size = ${QUOTA:-1G}
  quota_message_count = ${QUOTAMSG:-unlimited}
}
quota_mail_size = ${MAXMAIL:-unlimited}
C
}

settings() {
  cat <<C
base_dir = $D/run
state_dir = $D/state
instance_name = $(basename "$D")
log_path = $D/server.log
protocols = imap
listen = 127.0.0.1$([ "$plaintext" = no ] && echo ', 127.0.0.2')
ssl = yes
auth_mechanisms = plain login cram-md5 scram-sha-256
auth_failure_delay = 0
auth_master_user_separator = *
default_internal_user = $user
default_internal_group = $group
default_login_user = $user
mail_uid = $user
mail_gid = $group
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = ${FSYNC:-optimized}
mail_max_userip_connections = ${MAXCONN:-500}
namespace inbox {
  inbox = yes
  separator = ${SEP:-/}
  prefix = ${PREFIX:-}
  mailbox Drafts {
    special_use = \\Drafts
    auto = create
  }
  mailbox Sent {
    special_use = \\Sent
    auto = create
  }
  mailbox Trash {
    special_use = \\Trash
    auto = create
  }
}
service anvil {
  chroot =
  client_limit = 4000
}
service stats {
  chroot =
}
service auth {
  client_limit = 4000
}
service imap {
  process_limit = 1024
}
service imap-login {
  chroot =
  process_limit = 4
  client_limit = 1000
  inet_listener imap {
    port = $PORT
  }
  inet_listener imaps {
    port = $((PORT + 1))
    ssl = yes
  }
}
C
}

version=$(dovecot --version | grep -oE '^[0-9.]+')
case $version in
  2.3.*) settings; settings_2_3 ;;
  2.4.*) printf 'dovecot_%s_version = %s\n' config "$version" storage "$version"; settings; settings_2_4 ;;
  *) echo "this script knows Dovecot 2.3 and 2.4, not $version" >&2; exit 3 ;;
esac > "$D/dovecot.conf"
: > "$D/server.log"
chmod 755 "$D"
if [ -n "$drop" ]; then chown -R "$user:$group" "$D"; fi
$drop dovecot -F -c "$D/dovecot.conf" </dev/null >>"$D/server.log" 2>&1 &
run_until_stdin_ends $! "$PORT" "$D/server.log"
