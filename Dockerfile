# syntax=docker/dockerfile:1

# The three images, one a target:
#
#   docker build --target edge --tag sluice-edge:0.1.0 \
#     --build-arg SLUICE_COMMIT="$(git rev-parse --short=12 HEAD)" \
#     --build-arg SLUICE_COMMIT_DATE="$(git show --no-patch --format=%cs HEAD)" .
#
# What must always hold: an image has one static program, the certificates that it trusts, the licences of what it is made
# of, and for the edge the page. There is no shell, no package manager and nothing to write to: it runs as nobody, with a
# read-only root. What goes into it is what the lock files say.

ARG RUST=1.95.0
ARG NODE=24

# The page is the same on every processor, so it is built once, on the machine's own.
FROM --platform=$BUILDPLATFORM node:${NODE}-bookworm-slim AS page
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --no-audit --no-fund
COPY frontend ./
RUN npm run --silent build
COPY tools/third-party /src/tools/
RUN /src/tools/third-party page >/THIRD-PARTY-PAGE

FROM rust:${RUST}-bookworm AS build
ARG RUST
# The image's own toolchain, without the components for developers that rust-toolchain.toml asks for.
ENV RUSTUP_TOOLCHAIN=${RUST}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends cmake \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG SLUICE_COMMIT=
ARG SLUICE_COMMIT_DATE=
# .cargo/config.toml makes programs static. What is kept in a cache is in no image, so the programs are copied out of it.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --locked --release --package operator --package edge --package ledger --bins \
 && host="$(rustc --print host-tuple)" \
 && install -D --target-directory /out \
    "target/$host/release/sluice-operator" "target/$host/release/sluice-edge" "target/$host/release/sluice-ledger" \
 && tools/third-party crates >/out/THIRD-PARTY

FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/THIRD-PARTY /THIRD-PARTY
COPY LICENSE /LICENSE
USER 65532:65532
ARG SLUICE_COMMIT=
LABEL org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="Sluice" \
      org.opencontainers.image.revision="${SLUICE_COMMIT}"

FROM base AS operator
COPY --from=build /out/sluice-operator /sluice-operator
LABEL org.opencontainers.image.title="sluice-operator" \
      org.opencontainers.image.description="Turns FlashSale resources into stock that can be claimed"
ENTRYPOINT ["/sluice-operator"]

FROM base AS ledger
COPY --from=build /out/sluice-ledger /sluice-ledger
LABEL org.opencontainers.image.title="sluice-ledger" \
      org.opencontainers.image.description="Orders become rows and balanced books"
ENTRYPOINT ["/sluice-ledger"]

FROM base AS edge
COPY --from=build /out/sluice-edge /sluice-edge
COPY --from=page /src/frontend/dist /page
COPY --from=page /THIRD-PARTY-PAGE /THIRD-PARTY-PAGE
LABEL org.opencontainers.image.title="sluice-edge" \
      org.opencontainers.image.description="Sells: answers shoppers over HTTP and turns free units into orders"
ENTRYPOINT ["/sluice-edge"]
