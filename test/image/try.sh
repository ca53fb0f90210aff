#!/usr/bin/env bash
# Tries an image as it is to be run: as any user, without any right, on a root that can't be written to; and looks into it.
# Usage: test/image/try.sh IMAGE. Needs docker with a network of the host, and curl. The last line counts.
set -uo pipefail
cd "$(dirname "$0")/../.."
image=${1:?Usage: test/image/try.sh IMAGE}
container=ftp-operator-try-$$
work=$(mktemp -d)
passed=0 failed=0
port=2199 probes=8099 password=for-this-test-only
trap 'docker rm -f "$container" >/dev/null 2>&1; rm -rf "$work"' EXIT

# check NAME COMMAND...
check() {
  local name=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    passed=$((passed + 1))
    echo "ok: $name"
  else
    failed=$((failed + 1))
    echo "FAILED: $name"
    tail -20 "$work/output"
  fi
}

confined=(--network=host --read-only --cap-drop=ALL --security-opt=no-new-privileges --pids-limit=100 --memory=512m)

start() {
  docker rm -f "$container" >/dev/null 2>&1
  docker run -d --name "$container" "${confined[@]}" --user "$1" -e FTP_SERVER_PORT=$port -e FTP_SERVER_PROBES_PORT=$probes \
    -e FTP_SERVER_PASSIVE_PORTS=20900-20909 -e FTP_SERVER_PASSWORD=$password "$image" &&
    curl -sS --fail --retry 30 --retry-delay 1 --retry-connrefused --max-time 5 "http://127.0.0.1:$probes/readyz"
}

# Under TLS, on the control and on the data connection.
there_and_back() {
  local url=ftp://127.0.0.1:$port/file curl=(curl -sS --max-time 30 --ssl-reqd --insecure --user "user:$password")
  head -c 3000000 /dev/urandom >"$work/sent"
  "${curl[@]}" -T "$work/sent" "$url" && "${curl[@]}" -o "$work/received" "$url" && cmp "$work/sent" "$work/received"
}

has_no_rights() {
  local status
  status=$(docker exec "$container" node -e 'process.stdout.write(require("fs").readFileSync("/proc/1/status", "utf8"))') || return
  echo "$status"
  grep -q '^NoNewPrivs:[[:space:]]*1$' <<<"$status" && grep -q "^Uid:[[:space:]]*${1%%:*}[[:space:]]" <<<"$status" &&
    [ "$(grep -Ec '^Cap(Prm|Eff|Bnd|Amb):[[:space:]]*0+$' <<<"$status")" = 4 ]
}

can_not_write() {
  ! docker exec "$container" node -e 'require("fs").writeFileSync("/app/x", "")' &&
    ! docker exec "$container" node -e 'require("fs").writeFileSync("/tmp/x", "")'
}

# What the health check of the image says, as docker would run it.
is_healthy() {
  local command
  mapfile -d '' command < <(docker inspect --format '{{range slice .Config.Healthcheck.Test 1}}{{.}}{{"\x00"}}{{end}}' "$image" | tr -d '\n')
  docker exec "$container" "${command[@]}"
}

stops_in_order() {
  docker stop -t 40 "$container" && [ "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0 ]
}

says_nothing_secret() {
  ! { docker logs "$container" 2>&1 | grep -F "$password"; }
}

# in_image COMMAND...: runs a command of the image, as nobody.
in_image() {
  docker run --rm -i "${confined[@]}" --user 12345 --entrypoint "$1" "$image" "${@:2}"
}

hashes_passwords() {
  printf 'secret\n' | docker run --rm -i "${confined[@]}" --user 12345 "$image" hash-password | grep '^\$argon2id\$'
}

runs_operator() {
  in_image node /app/operator.mjs render -f - <<'YAML' | grep '^kind: Deployment$'
apiVersion: ftp-operator.io/v1alpha1
kind: FtpServer
metadata: { name: uploads }
spec: { storage: { emptyDir: {} } }
YAML
}

has_no_installer() {
  for tool in npm npx yarn corepack; do ! in_image sh -c "command -v $tool" || return; done
}

has_no_setuid() {
  local found
  # Some directories are closed to everybody, and so is what is in them.
  found=$(in_image find / -xdev -perm /6000 -type f 2>/dev/null)
  echo "$found"
  [ -z "$found" ]
}

lists_what_is_in_it() {
  in_image node -e "$(cat test/image/contents.cjs)" <package.json
}

for user in 65532:65532 12345 0:0 1000:0 2147483647:2147483647; do
  check "as $user: starts with a root that can't be written to" start "$user" || continue
  check "as $user: has no capability and can get none" has_no_rights "$user"
  check "as $user: can write nothing but its volume" can_not_write
  check "as $user: stores and gives back a file under TLS" there_and_back
  check "as $user: is healthy" is_healthy
  check "as $user: ends with code 0" stops_in_order
  check "as $user: logs no password" says_nothing_secret
done
check 'hashes passwords' hashes_passwords
check 'has the operator' runs_operator
check 'has nothing that installs anything' has_no_installer
check 'has no file with the right to change the user' has_no_setuid
check 'lists its packages and their licences' lists_what_is_in_it
echo "image: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
