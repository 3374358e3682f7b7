# Enters a node: enter.pl PID KEYCTL PROCESSES CGROUP… -- ARGV…
# Also run by agent.pl in a process that it has forked, which saves the start of another Perl. Perl because three things are needed that no shell and no tool of util-linux can do.
use strict;
my ($pid, $keyctl, $processes) = splice @ARGV, 0, 3;
# Of a process that has ended nothing can be entered; nsenter would end like a command that failed.
-e "/proc/$pid/ns/mnt" or die "enter: gone\n";
my @cgroups;
while (($_ = shift(@ARGV) // '--') ne '--') { push @cgroups, $_ }
# A file or directory that the caller's shell left open for its children would be a way out of the node.
opendir my $open, '/proc/self/fd' or die "/proc/self/fd: $!\n";
for my $number (grep { $_ > 2 } readdir $open) {
  open my $file, '<&=', $number or next;
  close $file;
}
# keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL): otherwise the command could use the caller's keys. The number of
# the system call comes from whoever knows the processor: loading POSIX to ask would cost more than all the rest.
syscall $keyctl, 1, 0 if $keyctl;
# nsenter does not change the cgroup: a command would escape the node's limits.
for (@cgroups) {
  open my $file, '>', "$_/cgroup.procs" or die "cannot enter $_: $!\n";
  syswrite $file, "0\n" or die "cannot enter $_: $!\n";
}
my @limit = $processes ? ('prlimit', "--nproc=$processes:$processes") : ();
my $term = $ENV{TERM} // 'dumb';
my ($nsenter) = grep { -x } map { "$_/nsenter" } split /:/, "$ENV{PATH}:/usr/bin:/bin";
%ENV = (
  PATH => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME => '/root', TERM => $term, LANG => 'C.UTF-8', LC_ALL => 'C.UTF-8',
);
exec { $nsenter } 'nsenter', '-t', $pid, '-U', '-S0', '-G0', '-m', '-p', '-n', '-u', '-i', '-C', '--', @limit, @ARGV;
die "nsenter: $!\n";
