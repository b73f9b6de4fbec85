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

# Boots it; `booted` runs a command there. A root by pivot_root: in a chroot there are no user namespaces.
boot() {
    unshare --mount --pid --fork --uts --ipc --kill-child --propagation private bash -c '
        mount --rbind "$1" "$1"
        mount --rbind /sys "$1/sys"
        mount -t proc proc "$1/proc"; mount -t tmpfs -o mode=755 tmpfs "$1/run"
        mkdir "$1/run/outside"; cd "$1"; pivot_root . run/outside; umount --lazy /run/outside
        # As a container manager does for it: credentials reach a service by a mount that propagates.
        mount --make-rshared /
        exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
            /lib/systemd/systemd --system --unit=basic.target --log-target=kmsg --show-status=no
    ' bash "$debian" &
    eventually pgrep --parent $!
    init=$(pgrep --parent $!)
    eventually booted systemctl is-active basic.target
}
booted() { nsenter --target "$init" --mount --pid --uts --ipc --root --wdns=/ env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
