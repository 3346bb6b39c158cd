# syntax=docker/dockerfile:1

# A Canva for other containers: `canva simulate`, which they reach as http://canva:4080/rest.
#
#   docker build -t canva-simulator .
#   docker run --rm --name canva --network NETWORK -e CANVA_SIMULATE_TOKEN=dev canva-simulator
#
# Every setting is an option behind the image's name or a variable (`canva simulate --help`). Under another name than
# `canva`, set CANVA_SIMULATE_HOST to it.

FROM rust:1-slim-bookworm AS build
WORKDIR /build
COPY . .
# Redis is for commands that share Canva's limits.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked --package canva-cli --no-default-features \
    && cp target/release/canva /canva

FROM debian:bookworm-slim
COPY --from=build /canva /usr/local/bin/canva
ENV CANVA_SIMULATE_BIND=0.0.0.0 CANVA_SIMULATE_HOST=canva CANVA_SIMULATE_PORT=4080
EXPOSE 4080
USER nobody
# There is no curl in the image. With CANVA_SIMULATE_TLS it would need one: turn the check off then.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --start-interval=1s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/$CANVA_SIMULATE_PORT && printf 'GET /simulator/health HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["canva", "simulate"]
