# A Debian with a running systemd, in namespaces of its own. To be sourced after world.sh.

# Unpacks a root file system into $world/debian; `within` runs a command there before it is booted.
unpack_debian() { # tar
    debian=$world/debian
    mkdir "$debian"
    # With devices of its own: those of the machine are not to be touched from here.
    tar --extract --file "$1" --directory "$debian"
    mount --bind "$debian/dev" "$debian/dev"
    mount -t proc proc "$debian/proc"
    cp "$world/resolv.conf" "$debian/etc/resolv.conf"
    # The world has no devices to look after.
    ln -s /dev/null "$debian/etc/systemd/system/systemd-udevd.service"
}
within() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$debian" "$@"; }

# Boots it; `booted` runs a command there. It has a control group of its own as the root of all, so that it
# manages nobody else's; and a root by pivot_root, for in a chroot there are no user namespaces.
boot() {
    local groups=/sys/fs/cgroup
    [ -e $groups/cgroup.controllers ] || groups=$groups/unified
    group=$groups/$(basename "$world")
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
    at_exit=power_off
    eventually pgrep --parent "$machine"
    init=$(pgrep --parent "$machine")
    eventually booted systemctl is-active basic.target
}
power_off() {
    { kill -KILL "$machine"; wait "$machine" || true; } 2>/dev/null
    eventually empty_group
}
empty_group() {
    find "$group" -depth -type d -exec rmdir '{}' ';'
    [ ! -e "$group" ]
}
booted() { nsenter --target "$init" --mount --pid --uts --ipc --root --wdns=/ env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
