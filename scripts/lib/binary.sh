# The binary under test. To be sourced.

# Sets TRUSTMINT_BIN to a fresh development build, unless it names a binary already.
find_binary() {
    [ -z "${TRUSTMINT_BIN:-}" ] || return 0
    cargo build --locked --package trustmint
    export TRUSTMINT_BIN=${CARGO_TARGET_DIR:-$PWD/target}/debug/trustmint
}
