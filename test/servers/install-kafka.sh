#!/usr/bin/env bash
# Fetches the jars of the Kafka broker that tests start, from Maven Central. Quick when it is done already.
# Needs Java 17, Maven and openssl: install.sh brings them.
set -euo pipefail
cd "$(dirname "$0")/../.."

pom=$PWD/test/servers/kafka-pom.xml
folder=${KEYHOUND_SERVERS_DIR:-$PWD/node_modules/.cache/keyhound-servers}/kafka
version=$(cksum <"$pom" | cut -d ' ' -f 1)

if [ "$(cat "$folder/version" 2>/dev/null)" = "$version" ]; then exit 0; fi
echo 'installing Kafka' >&2
mkdir -p "$(dirname "$folder")"
# Half a download must not look like the whole: the folder gets its name when all is in it.
part=$(mktemp -d "$folder.part.XXXXXX")
trap 'rm -rf "$part"' EXIT
for try in 1 2 3 4; do
  if mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$part/libs"; then break; fi
  if [ "$try" -eq 4 ]; then exit 1; fi
  sleep $((try * 5)) # mirrors fail now and then
done
echo "$version" >"$part/version"
rm -rf "$folder"
mv -T "$part" "$folder"
