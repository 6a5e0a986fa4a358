#!/usr/bin/env bash
# Makes the secrets of the distributed form, each in a file of its own: deploy/secrets.sh [FOLDER].
# What is there already stays as it is. Needs bash and openssl.
#
# The folder is closed to others (0700); the files in it are readable (0444), because a container gets a single file
# of it and reads that as a user of its own.
set -euo pipefail
umask 077
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

# keep NAME COMMAND…: what the command prints becomes the file; one that is there is not touched.
keep() {
  local name=$1
  shift
  if [ -e "$name" ]; then return; fi
  "$@" >"$name.part"
  chmod 444 "$name.part"
  mv "$name.part" "$name"
}
random() { openssl rand -hex 32; }

# The pepper of the key hash: who loses it loses every hashed key's history. Keep a copy elsewhere.
keep pepper random
keep redis-password random
keep elasticsearch-password random # Keyhound's
keep kibana-password random         # Kibana's own
keep operator-password random       # yours, to log in to Kibana as "operator"
keep kibana-encryption random
keep intake-token random            # gateways that push
keep decide-token random            # gateways that ask

secret() { tr -d '\n' <"$1"; }

# What the servers get are hashes only; they are made anew when a password is.
redis_users() {
  local hash
  hash=$(secret redis-password | openssl dgst -sha256 -r | cut -d ' ' -f 1)
  echo 'user default off resetpass resetchannels -@all'
  # What docs/redis.md says is enough, and what lets doctor ask for more.
  echo "user keyhound on #$hash resetchannels ~keyhound:* +@connection +@hash +@scripting +del +info +time +@list +@set +@sortedset +@stream +unlink +exists +type +rename +get +set +incr +incrby +pexpire +pexpireat +pttl +persist +config|get"
}

# {SSHA256} is the one salted form of the file realm that openssl can make. The passwords are 256 random bits: nothing
# is gained by a slower hash.
elasticsearch_user() {
  local salt digest
  salt=$(openssl rand -base64 8)
  digest=$({ secret "$2"; printf '%s' "$salt" | openssl base64 -d -A; } | openssl dgst -sha256 -binary | openssl base64 -A)
  echo "$1:{SSHA256}$salt$digest"
}
elasticsearch_users() {
  elasticsearch_user keyhound elasticsearch-password
  elasticsearch_user kibana kibana-password
  elasticsearch_user operator operator-password
}

# behind NAME PASSWORD…: NAME is not there, or older than one of those.
behind() {
  local name=$1 password
  shift
  for password in "$@"; do
    if [ ! -e "$name" ] || [ "$password" -nt "$name" ]; then
      rm -f "$name"
      return 0
    fi
  done
  return 1
}
if behind redis-users redis-password; then keep redis-users redis_users; fi
if behind elasticsearch-users elasticsearch-password kibana-password operator-password; then
  keep elasticsearch-users elasticsearch_users
fi
keep elasticsearch-users-roles \
  printf '%s\n' keyhound:keyhound kibana_system:kibana kibana_admin:operator keyhound_reader:operator

echo "secrets are in $PWD"
