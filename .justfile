# `just ci` is what CI runs.

# The target of this machine, named so that the flags of the static binary touch no build script.
host := `rustc -vV | sed -n 's/^host: //p'`

default:
    @just --list

# A debug build of everything.
build:
    cargo build --workspace --all-targets

# Every test.
test:
    cargo test --workspace

# Formatting and lints; warnings are errors.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# The API documentation; warnings are errors.
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

# One static binary without a dynamic loader: what goes into the image.
static:
    RUSTFLAGS='-C target-feature=+crt-static -C relocation-model=static' \
        cargo build --profile static --target {{ host }} -p entrypoint

# The webhook's server in the same way.
static-shim:
    RUSTFLAGS='-C target-feature=+crt-static -C relocation-model=static' \
        cargo build --profile server --target {{ host }} -p controller-shim

# Both images from binaries built here, or one: `just images entrypoint`. Nothing is pulled.
images *names:
    images/build {{ names }}

# Tests that install the webhook in the cluster of KUBECONFIG and hold pods there: `just e2e [NAME]`.
e2e *options:
    HOLDPOINT_E2E=true cargo test -p holdpoint --test e2e -- {{ options }}

# The same on a node of Kubernetes 1.20, which is built here from Debian's source and lives in namespaces of its
# own. What it is too old for is skipped.
e2e-here *options: build images
    tests/e2e/node/build
    tests/e2e/node/run cargo test -p holdpoint --test e2e -- {{ options }}

# Figures for our binary, a C floor and baselines: `just bench --baseline PATH --only hand-off`.
bench *options: static
    cargo run --quiet -p holdpoint-tests --bin bench -- \
        {{ options }} "${CARGO_TARGET_DIR:-target}/{{ host }}/static/entrypoint"

# Reviews a second over TLS, their latency, and what they cost in memory: `just bench-shim --seconds 10`.
bench-shim *options: static-shim
    cargo run --quiet --release -p controller-shim --example bench-shim -- \
        {{ options }} "${CARGO_TARGET_DIR:-target}/{{ host }}/server/controller-shim"

# Seeded chaos on real processes: `just chaos SEED RUNS [AT_A_TIME]`; one run is repeated with RUNS 1.
chaos seed runs *at_a_time:
    cargo build --quiet -p entrypoint
    cargo run --quiet -p holdpoint-tests --bin chaos -- \
        "${CARGO_TARGET_DIR:-target}/debug/entrypoint" {{ seed }} {{ runs }} {{ at_a_time }}

# docs/commands.md, made from the definitions of the help.
docs:
    cargo run --quiet -p holdpoint --example commands > docs/commands.md

# `holdpoint`, and the names by which kubectl finds it, into a folder of the PATH.
install-plugin folder='/usr/local/bin':
    cargo build --release -p holdpoint
    install -D "${CARGO_TARGET_DIR:-target}/release/holdpoint" '{{ folder }}/holdpoint'
    ln -sf holdpoint '{{ folder }}/kubectl-holdpoint'
    ln -sf holdpoint '{{ folder }}/kubectl_complete-holdpoint'

# All that CI checks.
ci:
    .ci/run
