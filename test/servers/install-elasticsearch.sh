#!/usr/bin/env bash
# Unpacks the Elasticsearch that tests start: Maven Central's archive for integration tests, Apache-2.0 and without
# a JDK inside. Needs maven, unzip and Java 17 or later; does nothing when it is there already.
# KEYHOUND_SERVERS_DIR: where to. Default: node_modules/.cache/keyhound-servers, below which it gets a folder.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=8.19.21
home=${KEYHOUND_SERVERS_DIR:-$PWD/node_modules/.cache/keyhound-servers}/elasticsearch
folder=$home/elasticsearch-$version
if [ -d "$folder" ]; then exit 0; fi

for program in mvn unzip java; do
  if ! command -v "$program" >/dev/null; then
    printf 'Elasticsearch needs %s: apt-get install maven unzip openjdk-17-jdk-headless\n' "$program" >&2
    exit 1
  fi
done

mkdir -p "$home"
part=$(mktemp -d "$home/part.XXXXXX")
trap 'rm -rf "$part"' EXIT
printf 'installing Elasticsearch %s\n' "$version" >&2
tries=1
until mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
  "-Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$version:zip" \
  "-DoutputDirectory=$part"; do
  if [ "$tries" -ge 4 ]; then exit 1; fi
  sleep $((tries * 5))
  tries=$((tries + 1))
done
unzip -q "$part/elasticsearch-$version.zip" -d "$part"
# The folder gets its name when all is in it: half an archive must not look like the whole.
mv -T "$part/elasticsearch-$version" "$folder" 2>/dev/null || [ -d "$folder" ]
