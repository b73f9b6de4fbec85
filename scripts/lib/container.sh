# Runs the image by a real OCI runtime as a cluster does: not as root, without capabilities, with a root file
# system that is read-only. To be sourced after sandbox.sh.

# Unpacks the image's files into $sandbox/bundle/rootfs and writes its settings, without privileges, to
# $sandbox/config.json.
unpack_image() { # archive
    cleanup=delete_containers
    skopeo copy --quiet "oci-archive:$1" "oci:$sandbox/layout:image"
    umoci unpack --image "$sandbox/layout:image" "$sandbox/bundle" >/dev/null
    # The root of a machine may raise these limits, and the root of a container may not.
    jq '.root.readonly = true
        | .process.terminal = false | .process.noNewPrivileges = true
        | .process.capabilities = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] }
        | del(.process.rlimits)
        | .linux.namespaces |= map(select(.type != "network"))
        | .linux.maskedPaths = [] | .linux.readonlyPaths = []
    ' "$sandbox/bundle/config.json" >"$sandbox/config.json"
}

# Deletes the containers that are left when a test ends.
delete_containers() {
    runc --root "$sandbox/runc" list --quiet | xargs --no-run-if-empty --max-args 1 runc --root "$sandbox/runc" delete --force
}

# Runs the image with these mounts, and with these arguments instead of its own.
run_container() { # name [--read source target | --write source target]... [-- argument...]
    local name=$1 config
    shift
    config=$(cat "$sandbox/config.json")
    mount() { # source target option
        config=$(jq --arg source "$1" --arg target "$2" --arg option "$3" \
            '.mounts += [{ type: "bind", source: $source, destination: $target, options: ["bind", $option] }]' <<<"$config")
    }
    mount "$sandbox/resolv.conf" /etc/resolv.conf ro
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
    echo "$config" >"$sandbox/bundle/config.json"
    runc --root "$sandbox/runc" run --bundle "$sandbox/bundle" "$name"
}

# Sends TERM, as `docker stop` does, and waits for the end.
stop_container() { # name job
    runc --root "$sandbox/runc" kill "$1" TERM
    wait "$2"
}
