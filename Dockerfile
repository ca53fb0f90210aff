# One image for both programs: the server (by default) and the operator (`node /app/operator.mjs`).
ARG BASE_IMAGE=node:26-bookworm-slim
# May differ where building needs more than running, such as a company's certificate authority.
ARG BUILD_IMAGE=${BASE_IMAGE}

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
# .dockerignore lets through what is built, and nothing else.
COPY . .
RUN npm run build

FROM ${BASE_IMAGE}
# Nothing in the running image installs anything, or makes anybody another user.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* /usr/local/etc/npmrc \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && mkdir -p /data && chmod 1777 /data
WORKDIR /app
COPY --from=build /build/dist/ ./
# Threads for files: a call to a volume that hangs holds one, and the others serve everybody else.
ENV NODE_ENV=production UV_THREADPOOL_SIZE=16 FTP_SERVER_ADDRESS=:: FTP_SERVER_ROOT=/data
VOLUME /data
EXPOSE 2121 8080 20000-20009
# Any other user ID works as well.
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["/usr/local/bin/node", "-e", "const { FTP_SERVER_ADDRESS: address, FTP_SERVER_PROBES_PORT: port } = process.env; const host = /^(0.0.0.0|::)?$/.test(address || '') ? 'localhost' : address.includes(':') ? '[' + address + ']' : address; fetch('http://' + host + ':' + (port || 8080) + '/livez').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Objects live for one command: a larger young generation would keep 60 MB of garbage in memory. What the start leaves behind the server has collected itself.
# What V8's last compiler gains is gained after a hundred times as many calls: before that, it costs the first clients more than it saves them.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=4", "--expose-gc", "--invocation-count-for-turbofan=300000", "/app/server.mjs"]
CMD ["serve"]
