# A Debian with a running systemd, in namespaces of its own. To be sourced after sandbox.sh.

# Unpacks a root file system into $sandbox/debian, where in_chroot runs commands before it is booted.
unpack_debian() { # tar
    debian=$sandbox/debian
    mkdir "$debian"
    # It gets devices of its own, so that those of the host are not touched.
    tar --extract --file "$1" --directory "$debian"
    mount --bind "$debian/dev" "$debian/dev"
    mount -t proc proc "$debian/proc"
    cp "$sandbox/resolv.conf" "$debian/etc/resolv.conf"
    # The sandbox has no devices to manage.
    ln -s /dev/null "$debian/etc/systemd/system/systemd-udevd.service"
}
in_chroot() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$debian" "$@"; }

# Boots it; in_machine runs commands there. It gets a control group of its own as the root of all, so that it
# manages no other; and its root by pivot_root, because a chroot allows no user namespaces.
boot_machine() {
    local groups=/sys/fs/cgroup
    [ -e $groups/cgroup.controllers ] || groups=$groups/unified
    group=$groups/$(basename "$sandbox")
    mkdir "$group"
    (
        echo "$BASHPID" >"$group/cgroup.procs"
        exec unshare --cgroup --mount --pid --fork --uts --ipc --kill-child --propagation private bash -c '
            mount --rbind "$1" "$1"
            mount -t sysfs sysfs "$1/sys"; mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
            mount -t proc proc "$1/proc"; mount -t tmpfs -o mode=755 tmpfs "$1/run"
            mkdir "$1/run/outside"; cd "$1"; pivot_root . run/outside; umount --lazy /run/outside
            # As a container manager does for it: credentials reach a service by a mount that propagates.
            mount --make-rshared /
            exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
                /lib/systemd/systemd --system --unit=basic.target --log-target=kmsg --show-status=no
        ' bash "$debian"
    ) &
    machine=$!
    cleanup=stop_machine
    retry_until pgrep --parent "$machine"
    init=$(pgrep --parent "$machine")
    retry_until in_machine systemctl is-active basic.target
}
stop_machine() {
    { kill -KILL "$machine"; wait "$machine" || true; } 2>/dev/null
    retry_until remove_group
}
remove_group() {
    find "$group" -depth -type d -exec rmdir '{}' ';'
    [ ! -e "$group" ]
}
in_machine() { nsenter --target "$init" --mount --pid --uts --ipc --root --wdns=/ env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
