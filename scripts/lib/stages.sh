# The stages of scripts/test. To be sourced.
#
# A stage is a line here and a function of its name. It installs what it needs and runs from the root of the
# repository, in a shell of its own, where the first command that fails ends it.

# Name and purpose, in the order in which they run.
stages=(
    'lint: formatting, clippy and shellcheck'
    'dependencies: licences, sources, and one crypto stack'
    'unit: unit and documentation tests of the library'
    'store: what every store promises, on redb, Redis, Sentinel and Cluster'
    'blackbox: the real binary, as users and attackers see it'
    'slow: floods, crashes, outages and properties'
    'clients: stock clients, registries, proxies, scanners and issuers'
    'docs: API documentation, the site, and links'
    'workflows: actionlint and zizmor on the workflows'
    'examples: policies and configurations'
    'helm: the Helm chart'
    'image: the container image, by runc'
    'compose: the compose file, with that image'
    'deb: the Debian package, by systemd'
    'demo: the demo of the release binary'
    'fuzz: half a minute of each fuzz target; ten minutes with --full'
    'bench: the benchmarks; with --full only, or by name'
)

# What the tests are compiled with, and what black-box tests run.
require_compilers() { require_commands cc:gcc pkg-config /usr/include/openssl/ssl.h:libssl-dev; }
require_redis() { require_commands redis-server redis-cli:redis-tools; }
require_components() { # component …
    local component
    for component in "$@"; do
        cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
    done
}

stage_lint() {
    require_compilers
    require_commands shellcheck
    require_components rustfmt clippy
    cargo fmt --all --check
    cargo clippy --locked --workspace --all-targets -- -D warnings
    # --all-targets leaves this one out, which plain `cargo test` does not run.
    cargo clippy --locked --package trustmint-tests --test clients -- -D warnings
    git ls-files | xargs grep --files-with-matches --max-count=1 '^#!.*sh$' |
        xargs shellcheck --external-sources --check-sourced --severity=warning
}

stage_dependencies() {
    if cargo tree --locked --edges normal --package trustmint --prefix none --format '{p}' |
        grep -E '^(ring|openssl|openssl-sys|native-tls|rsa|josekit|openidconnect) v'; then
        echo 'the product must not depend on these' >&2
        return 1
    fi
    add_to_path cargo-deny
    cargo deny --locked --workspace check bans licenses sources
    scripts/test-deny
}

stage_unit() {
    cargo test --locked --package trustmint
}

stage_store() {
    require_compilers
    require_redis
    cargo test --locked --package trustmint-tests --test store
}

# Tests wait for servers more than they compute, so there are twice as many as cores at a time.
run_black_box_tests() { # target [argument…]
    require_compilers
    require_redis
    require_commands curl groff:groff-base jq openssl python3
    require_modules yaml:python3-yaml
    find_binary
    RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))} \
        cargo test --locked --package trustmint-tests --test "$@"
}

stage_blackbox() { run_black_box_tests blackbox; }

# These compute more than they wait. The large reports have a deadline of ten seconds, so they run alone.
stage_slow() {
    RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(nproc)} run_black_box_tests slow -- --skip large_report
    RUST_TEST_THREADS=1 run_black_box_tests slow -- large_report
}

stage_clients() {
    require_commands caddy ip:iproute2 nginx node:nodejs npm
    require_modules ensurepip:python3-venv
    run_black_box_tests clients
}

stage_docs() {
    require_modules ensurepip:python3-venv
    RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --package trustmint --document-private-items
    scripts/docs
}

stage_workflows() {
    require_modules ensurepip:python3-venv
    local zizmor actionlint
    zizmor=$(scripts/tools zizmor)
    actionlint=$(scripts/tools actionlint)
    "$zizmor" --offline --quiet .github/workflows/*.yml .github/dependabot.yml \
        examples/github-actions/*.yml examples/github-actions/*/action.yml
    "$actionlint" .github/workflows/*.yml examples/github-actions/*.yml
}

stage_examples() { scripts/test-examples; }

stage_helm() { scripts/test-helm; }

# What a sandbox of scripts/lib/sandbox.sh runs.
require_sandbox() {
    require_commands curl dnsmasq:dnsmasq-base ip:iproute2 jq nginx openssl xxd
}
require_containers() {
    require_sandbox
    require_commands buildah runc skopeo umoci redis-server redis-cli:redis-tools
    require_modules ensurepip:python3-venv
}

stage_image() {
    require_containers
    require_commands strings:binutils
    local hadolint
    hadolint=$(scripts/tools hadolint)
    "$hadolint" packaging/image/Containerfile
    scripts/test-image
}

stage_compose() {
    require_containers
    require_commands bwrap:bubblewrap python3
    has_passed image || scripts/image
    scripts/test-compose
}

stage_deb() {
    require_sandbox
    require_commands dh:debhelper dpkg-buildpackage:dpkg-dev lintian mmdebstrap systemd-analyze:systemd
    scripts/test-deb
}

stage_demo() {
    require_commands jq
    has_passed image || has_passed deb || scripts/dist
    target/dist/release/trustmint demo --once
}

stage_fuzz() {
    require_commands c++:g++
    require_components rustfmt clippy
    cargo fmt --manifest-path fuzz/Cargo.toml --check
    cargo clippy --locked --manifest-path fuzz/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}" -- -D warnings
    if $full; then scripts/fuzz 600; else scripts/fuzz 30; fi
}

stage_bench() {
    require_redis
    cargo bench --locked --bench floor
    cargo bench --locked --bench stall
    cargo bench --locked --bench policies
}
