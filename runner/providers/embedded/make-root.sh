# Makes the root filesystem in "$HW_WORK/root", as root of a user namespace: no package can touch this host.
# Says "made" or "failed". Its standard input ends with the runner, and everything here ends with that.
set -eu
mount --bind "$HW_WORK" /mnt
mount -t proc proc /proc
mkdir /mnt/root /mnt/tmp
mkfifo /mnt/born /mnt/mapped
chown 1:1 /mnt/root /mnt/tmp
# Root of a node must own the files, so there are the same two levels of user namespaces as in lab.pl.
(
  unshare -U -m -p -f --keep-caps sh -c '
    read -r pid _ </proc/self/stat
    echo "$pid" >/mnt/born
    read -r _ </mnt/mapped
    exec setpriv --reuid 0 --regid 0 --clear-groups sh -c "mount -t proc proc /proc; $HW_MAKE"' && echo made || echo failed
) </dev/null &
read -r pid </mnt/born
echo 0 1 65535 >"/proc/$pid/uid_map"
echo 0 1 65535 >"/proc/$pid/gid_map"
echo >/mnt/mapped
read -r _ || :
