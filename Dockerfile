# Builds with every package, runs with those of production. Both stages are of the platform that is built for
# (linux/amd64 or linux/arm64): the binaries of SQLite, LevelDB and Postgres come prebuilt in npm packages.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json divan.ts ./
COPY commands commands
COPY design-docs design-docs
COPY server server
COPY bridge bridge
RUN npm run build && rm dist/*.tsbuildinfo

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-slim
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
RUN chmod +x dist/divan.js && ln -s /app/dist/divan.js /usr/local/bin/divan \
  && mkdir /data && chown node:node /data

ENV NODE_ENV=production DIVAN_HOST=0.0.0.0 DIVAN_DATA=/data

# Not root: the embedded Postgres refuses it, and nothing here needs it.
USER node
VOLUME /data
# The server, and what the bridge tells of itself: from outside of the container with DIVAN_BRIDGE_HOST=0.0.0.0.
EXPOSE 5984 5985

# For `start` and `server`: whether the store reads and writes. A Postgres that is away is no reason to start the server again.
# A container that runs the bridge alone is started with --no-healthcheck, or with a check of port 5985.
HEALTHCHECK --start-period=30s --interval=30s --timeout=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.DIVAN_PORT || 5984) + '/health').then(answer => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# `docker stop` sends SIGTERM: bridge, Postgres and server are closed in order, within a second or two as a rule.
ENTRYPOINT ["divan"]
CMD ["start"]
