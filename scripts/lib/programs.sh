# Programs that a script needs. To be sourced.

# Installs the packages of those commands or files that are missing, as root or by sudo. The package's name
# follows a colon if it is another.
require_commands() { # command[:package] …
    local word command packages=()
    for word in "$@"; do
        command=${word%:*}
        case "$command" in
            /*) [ -e "$command" ] || packages+=("${word##*:}") ;;
            *) command -v "$command" >/dev/null || packages+=("${word##*:}") ;;
        esac
    done
    install_packages "${packages[@]}"
}

# Installs the packages of those Python modules that are missing.
require_modules() { # module:package …
    local word packages=()
    for word in "$@"; do
        python3 -c "import ${word%:*}" 2>/dev/null || packages+=("${word##*:}")
    done
    install_packages "${packages[@]}"
}

install_packages() { # package …
    [ $# -gt 0 ] || return 0
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    echo "installing $*"
    "${as_root[@]}" apt-get update -qq
    # Tests start their own servers: RUNLEVEL keeps packages from starting theirs.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Puts tools of scripts/tools, such as subcommands of cargo, on the path.
add_to_path() { # tool …
    local tool path
    for tool in "$@"; do
        path=$(scripts/tools "$tool")
        PATH=$(dirname "$path"):$PATH
    done
}
