# The image, run by a real OCI runtime as a cluster would run it: not root, no capability, a root that
# cannot be written to. To be sourced after world.sh.

# The image's files in $world/bundle/rootfs, and how it wants to be run in $world/bundle/config.json.
unpack_image() { # archive
    at_exit=end_containers
    skopeo copy --quiet "oci-archive:$1" "oci:$world/layout:image"
    umoci unpack --image "$world/layout:image" "$world/bundle" >/dev/null
    # Limits that root of a machine may raise, and root of a container may not.
    jq '.root.readonly = true
        | .process.terminal = false | .process.noNewPrivileges = true
        | .process.capabilities = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] }
        | del(.process.rlimits)
        | .linux.namespaces |= map(select(.type != "network"))
        | .linux.maskedPaths = [] | .linux.readonlyPaths = []
    ' "$world/bundle/config.json" >"$world/config.json"
}

# Those that are still there when a test ends.
end_containers() {
    runc --root "$world/runc" list --quiet | xargs --no-run-if-empty --max-args 1 runc --root "$world/runc" delete --force
}

# Runs the image with these mounts, and these arguments in the place of its own.
contain() { # name [--read source target | --write source target]... [-- argument...]
    local name=$1 config
    shift
    config=$(cat "$world/config.json")
    mount() { # source target option
        config=$(jq --arg source "$1" --arg target "$2" --arg option "$3" \
            '.mounts += [{ type: "bind", source: $source, destination: $target, options: ["bind", $option] }]' <<<"$config")
    }
    mount "$world/resolv.conf" /etc/resolv.conf ro
    while [ $# -gt 0 ]; do
        case "$1" in
            --read) mount "$2" "$3" ro; shift 3 ;;
            --write) mount "$2" "$3" rw; shift 3 ;;
            --)
                shift
                config=$(jq --argjson arguments "$(printf '%s\n' "$@" | jq -Rn '[inputs]')" \
                    '.process.args = ["/usr/bin/trustmint"] + $arguments' <<<"$config")
                break
                ;;
        esac
    done
    unset -f mount
    echo "$config" >"$world/bundle/config.json"
    runc --root "$world/runc" run --bundle "$world/bundle" "$name"
}

# As `docker stop` does; then waits for the end.
stop() { # name job
    runc --root "$world/runc" kill "$1" TERM
    wait "$2"
}
