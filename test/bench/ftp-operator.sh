#!/bin/bash
# Starts and stops this server for the load generator `ftpbench`, in the form of the start scripts of other servers:
# it is copied or linked beside them, and prints `pid=… port=…`.
# FTP_OPERATOR_HOME: this project's directory. FTP_OPERATOR_WORKERS: `workers` of the configuration.
. "$(dirname "$0")/common.sh"
PORT=24200
PROJECT=${FTP_OPERATOR_HOME:-$(dirname "$(realpath "$0")")/../..}
NODE=${NODE:-$PROJECT/node_modules/node/bin/node}

configure() {
  rm -rf "$RUN/config"
  mkdir -p "$RUN/config/users" "$RUN/config/tls"
  cp "$CERT" "$RUN/config/tls/tls.crt"
  cp "$KEY" "$RUN/config/tls/tls.key"
  cat >"$RUN/config/server.yaml" <<YAML
root: $ROOT
listeners: [{ name: ftp, port: $PORT, addresses: [127.0.0.1] }]
passive: { ports: { first: $PASV_MIN, last: $PASV_MAX } }
limits: { maxSessions: 100000, maxSessionsPerAddress: 100000 }
logging: { level: warn, format: json }
probes: { port: $((PORT + 1)), addresses: [127.0.0.1] }
${FTP_OPERATOR_WORKERS:+workers: $FTP_OPERATOR_WORKERS}
YAML
  # The hash of "bench" that costs least: what is compared is servers, not hashes.
  cat >"$RUN/config/users/users.yaml" <<'YAML'
users:
  - { name: ftpbench, home: /, passwordHash: HASH }
YAML
  sed -i "s|HASH|'$(hash)'|" "$RUN/config/users/users.yaml"
  chgrp -R "$BENCH_USER" "$RUN/config"
  chmod -R g+rX "$RUN/config"
}

# PBKDF2 of $BENCH_PASS with one iteration.
hash() {
  "$NODE" -e 'const salt = Buffer.from("ftpbenchftpbench"); const text = bytes => bytes.toString("base64").replace(/=+$/, "");
    console.log("$pbkdf2-sha256$i=1$" + text(salt) + "$" + text(require("node:crypto").pbkdf2Sync(process.argv[1], salt, 1, 32, "sha256")))' "$BENCH_PASS"
}

start() {
  rm -rf "$RUN/dist"
  "$NODE" "$PROJECT/tools/build.ts" "$RUN/dist" >&2
  configure
  as_user "$NODE" --max-semi-space-size=4 --expose-gc --invocation-count-for-turbofan=300000 "$RUN/dist/server.mjs" serve --config "$RUN/config"
}

main "$@"
