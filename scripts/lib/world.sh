# A world of its own for a test: network, mounts and processes that end with it. In it, names are
# answered by a real DNS server, and https://issuer.test signs ID tokens. To be sourced.

# The address of everything in this world that has a name.
HERE=10.20.0.1

# Runs the calling script again as root of a new world.
enter_world() {
    [ -z "${IN_WORLD:-}" ] || return 0
    local root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo --preserve-env)
    IN_WORLD=1 exec "${root[@]}" unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
}

# Until a command succeeds.
eventually() {
    local deadline=$((SECONDS + 20))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || { echo "never: $*" >&2; return 1; }
        sleep 0.05
    done
}

same() { # what expected actual
    [ "$2" = "$3" ] || { printf '%s: expected\n%s\nand not\n%s\n' "$1" "$2" "$3" >&2; exit 1; }
}

# That a command fails; what it said is in $world/refused.
refused() { # what command...
    if "${@:2}" >"$world/refused" 2>&1; then
        echo "$1, and should not have: ${*:2}" >&2
        cat "$world/refused" >&2
        return 1
    fi
}

# Loopback, and a DNS server that knows these names.
start_world() { # name...
    # In memory, and gone with the mounts of this world: nothing here is ever removed file by file, since
    # other file systems may be mounted below.
    world=$(mktemp -d)
    mount -t tmpfs -o mode=755 tmpfs "$world"
    at_exit=:
    trap 'status=$?; $at_exit; umount --recursive --lazy "$world"; rmdir "$world"; exit $status' EXIT
    ip link set lo up
    ip address add "$HERE/32" dev lo
    local name names=()
    for name in "$@"; do names+=("--address=/$name/$HERE"); done
    dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root --group=root \
        --pid-file= --listen-address="$HERE" --bind-interfaces "${names[@]}" 2>"$world/dnsmasq.log" &
    echo "nameserver $HERE" >"$world/resolv.conf"
    mount --bind "$world/resolv.conf" "$(realpath /etc/resolv.conf)"
    [ $# -eq 0 ] || eventually getent ahosts "$1"
}

# An authority of its own, as $world/ca.crt, and a certificate for these names.
certify() { # file name...
    local file=$world/$1
    if [ ! -e "$world/ca.crt" ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=authority of the test' \
            -keyout "$world/ca.key" -out "$world/ca.crt" 2>/dev/null
    fi
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$file.key" 2>/dev/null |
        openssl x509 -req -days 2 -CA "$world/ca.crt" -CAkey "$world/ca.key" -CAcreateserial -out "$file.crt" \
            -extfile <(printf 'subjectAltName=%s\n' "$(printf 'DNS:%s\n' "${@:2}" | paste -sd,)") 2>/dev/null
    chmod 644 "$file.key"
}

base64url() { basenc --base64url -w0 | tr -d =; }

# https://issuer.test, whose `sub` is what the token says.
start_issuer() {
    certify issuer issuer.test
    openssl genrsa -out "$world/signing.key" 2048 2>/dev/null
    local modulus
    modulus=$(openssl rsa -in "$world/signing.key" -noout -modulus | cut -d= -f2 | xxd -r -p | base64url)
    mkdir -p "$world/www/.well-known"
    jq -n '{ issuer: "https://issuer.test", jwks_uri: "https://issuer.test/keys" }' \
        >"$world/www/.well-known/openid-configuration"
    jq -n --arg n "$modulus" '{ keys: [{ kty: "RSA", kid: "k1", alg: "RS256", use: "sig", n: $n, e: "AQAB" }] }' \
        >"$world/www/keys"
    cat >"$world/issuer.conf" <<CONF
pid issuer.pid; daemon off; error_log stderr; user root;
events {}
http {
    access_log off; default_type application/json;
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    server {
        listen $HERE:443 ssl; server_name issuer.test; root www;
        ssl_certificate issuer.crt; ssl_certificate_key issuer.key;
    }
}
CONF
    nginx -p "$world" -e stderr -c issuer.conf 2>"$world/issuer.log" &
    eventually curl -sf --cacert "$world/ca.crt" https://issuer.test/keys
}

# What its `sub` presents to this audience, now.
id_token() { # sub audience
    local now head body
    now=$(date +%s)
    head=$(printf '{"alg":"RS256","kid":"k1","typ":"JWT"}' | base64url)
    body=$(jq -nc --arg sub "$1" --arg aud "$2" --arg jti "$RANDOM$RANDOM$RANDOM" --argjson now "$now" \
        '{ iss: "https://issuer.test", sub: $sub, aud: $aud, jti: $jti, iat: $now, nbf: $now, exp: ($now + 300) }' | base64url)
    printf '%s.%s.%s' "$head" "$body" \
        "$(printf '%s.%s' "$head" "$body" | openssl dgst -sha256 -sign "$world/signing.key" | base64url)"
}
