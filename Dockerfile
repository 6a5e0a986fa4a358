# Keyhound, all roles: docker-compose.yml says which one a container runs. What is copied: .dockerignore.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    NODE_OPTIONS="--disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning --max-semi-space-size=8" \
    KAFKAJS_NO_PARTITIONER_WARNING=1 \
    XDG_CACHE_HOME=/tmp/cache
WORKDIR /opt/keyhound
COPY --from=build --chown=root:root /build/package.json ./
COPY --from=build --chown=root:root /build/node_modules node_modules
COPY --from=build --chown=root:root /build/dist dist
COPY --chown=root:root LICENSE NOTICE CHANGELOG.md ./
COPY --chown=root:root deploy/healthcheck.mjs ./healthcheck.mjs
# The secrets that are mounted into the last folder are open to all, since nobody outside knows the user inside.
RUN mkdir -p /var/lib/keyhound /etc/keyhound/secrets \
  && chown node:node /var/lib/keyhound /etc/keyhound/secrets \
  && chmod 700 /var/lib/keyhound /etc/keyhound/secrets
# Uid 1000 of the image; what it may write is /var/lib/keyhound and /tmp, so that the rest can be read-only.
USER node
ENV KEYHOUND_CONFIG=/etc/keyhound/keyhound.yaml
EXPOSE 8420 8421 8422 8423
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "healthcheck.mjs"]
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["run", "--json"]
