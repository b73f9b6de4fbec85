# A sandbox for a test: namespaces of its own for network, mounts and processes, which end with it. In it, a
# real DNS server answers for names, and https://issuer.test signs ID tokens. To be sourced.

# The address of every name in the sandbox.
ADDRESS=10.20.0.1

# Runs the calling script again as root of a new sandbox.
enter_sandbox() {
    [ -z "${IN_SANDBOX:-}" ] || return 0
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo --preserve-env)
    IN_SANDBOX=1 exec "${as_root[@]}" unshare --net --mount --pid --fork --kill-child --mount-proc "$0"
}

# Repeats a command until it succeeds, for at most twenty seconds.
retry_until() {
    local deadline=$((SECONDS + 20))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || { echo "timed out: $*" >&2; return 1; }
        sleep 0.05
    done
}

assert_equal() { # what expected actual
    [ "$2" = "$3" ] || { printf '%s: expected\n%s\ngot\n%s\n' "$1" "$2" "$3" >&2; exit 1; }
}

# Asserts that a command fails. Its output is in $sandbox/output.
assert_fails() { # reason command...
    if "${@:2}" >"$sandbox/output" 2>&1; then
        echo "it should fail, because $1: ${*:2}" >&2
        cat "$sandbox/output" >&2
        return 1
    fi
}

# Starts loopback, and a DNS server that knows these names.
start_sandbox() { # name...
    # In memory, so that it ends with the mounts of the sandbox. Nothing here is removed file by file, because
    # other file systems may be mounted below.
    sandbox=$(mktemp -d)
    mount -t tmpfs -o mode=755 tmpfs "$sandbox"
    cleanup=:
    trap end_sandbox EXIT
    ip link set lo up
    ip address add "$ADDRESS/32" dev lo
    local name names=()
    for name in "$@"; do names+=("--address=/$name/$ADDRESS"); done
    dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root --group=root \
        --pid-file= --listen-address="$ADDRESS" --bind-interfaces "${names[@]}" 2>"$sandbox/dnsmasq.log" &
    echo "nameserver $ADDRESS" >"$sandbox/resolv.conf"
    mount --bind "$sandbox/resolv.conf" "$(realpath /etc/resolv.conf)"
    [ $# -eq 0 ] || retry_until getent ahosts "$1"
}

end_sandbox() {
    local status=$?
    $cleanup
    umount --recursive --lazy "$sandbox"
    rmdir "$sandbox"
    exit $status
}

# Issues a certificate for these names, $sandbox/<file>.crt, by the authority of the sandbox, $sandbox/ca.crt.
issue_certificate() { # file name...
    local file=$sandbox/$1
    if [ ! -e "$sandbox/ca.crt" ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=authority of the test' \
            -keyout "$sandbox/ca.key" -out "$sandbox/ca.crt" 2>/dev/null
    fi
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$file.key" 2>/dev/null |
        openssl x509 -req -days 2 -CA "$sandbox/ca.crt" -CAkey "$sandbox/ca.key" -CAcreateserial -out "$file.crt" \
            -extfile <(printf 'subjectAltName=%s\n' "$(printf 'DNS:%s\n' "${@:2}" | paste -sd,)") 2>/dev/null
    chmod 644 "$file.key"
}

base64url() { basenc --base64url -w0 | tr -d =; }

# Starts https://issuer.test.
start_issuer() {
    issue_certificate issuer issuer.test
    openssl genrsa -out "$sandbox/signing.key" 2048 2>/dev/null
    local modulus
    modulus=$(openssl rsa -in "$sandbox/signing.key" -noout -modulus | cut -d= -f2 | xxd -r -p | base64url)
    mkdir -p "$sandbox/www/.well-known"
    jq -n '{ issuer: "https://issuer.test", jwks_uri: "https://issuer.test/keys" }' \
        >"$sandbox/www/.well-known/openid-configuration"
    jq -n --arg n "$modulus" '{ keys: [{ kty: "RSA", kid: "k1", alg: "RS256", use: "sig", n: $n, e: "AQAB" }] }' \
        >"$sandbox/www/keys"
    cat >"$sandbox/issuer.conf" <<CONF
pid issuer.pid; daemon off; error_log stderr; user root;
events {}
http {
    access_log off; default_type application/json;
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    server {
        listen $ADDRESS:443 ssl; server_name issuer.test; root www;
        ssl_certificate issuer.crt; ssl_certificate_key issuer.key;
    }
}
CONF
    nginx -p "$sandbox" -e stderr -c issuer.conf 2>"$sandbox/issuer.log" &
    retry_until curl -sf --cacert "$sandbox/ca.crt" https://issuer.test/keys
}

# Prints an ID token of the issuer.
id_token() { # sub audience
    local now head body
    now=$(date +%s)
    head=$(printf '{"alg":"RS256","kid":"k1","typ":"JWT"}' | base64url)
    body=$(jq -nc --arg sub "$1" --arg aud "$2" --arg jti "$RANDOM$RANDOM$RANDOM" --argjson now "$now" \
        '{ iss: "https://issuer.test", sub: $sub, aud: $aud, jti: $jti, iat: $now, nbf: $now, exp: ($now + 300) }' | base64url)
    printf '%s.%s.%s' "$head" "$body" \
        "$(printf '%s.%s' "$head" "$body" | openssl dgst -sha256 -sign "$sandbox/signing.key" | base64url)"
}
