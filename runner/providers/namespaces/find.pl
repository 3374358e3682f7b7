# Prints every lab of the state folder that it is called with, on the machine under the labs, or, with a number after it, those whose
# first process is this user's, which saves reading what all others were started with:
#   lab PID COMMAND / "uid NUMBER" / environment lines / "node PID NSPID…" lines, one for each child
# A learner can give a process of a node any name and environment. But it is two process namespaces down, or
# more: whatever is exactly one down, and the first there, is no node's, so its environment can be believed.
use strict;
my ($home, $user) = @ARGV;
# Of a file that may be gone at any moment.
sub text {
  open my $file, '<', $_[0] or return '';
  local $/;
  return <$file> // '';
}
sub field { my ($name, $status) = @_; return $status =~ /^\Q$name\E:\s*(.*)$/m ? split ' ', $1 : () }
my $own = field('NSpid', text('/proc/self/status'));
opendir my $proc, '/proc' or die "/proc: $!\n";
for my $pid (sort { $a <=> $b } grep { /^\d+$/ } readdir $proc) {
  next if defined $user && ((stat "/proc/$pid")[4] // -1) != $user;
  my $environment = text("/proc/$pid/environ");
  next if index("\0$environment", "\0HARDWAY_HOME=$home\0") < 0;
  my $status = text("/proc/$pid/status");
  my @numbers = field('NSpid', $status);
  next unless @numbers == $own + 1 && $numbers[-1] == 1;
  my ($uid) = field('Uid', $status);
  $environment =~ tr/\0/\n/;
  print 'lab ', $pid, ' ', text("/proc/$pid/comm"), "uid $uid\n", $environment;
  for my $child (split ' ', text("/proc/$pid/task/$pid/children")) {
    my $its = text("/proc/$child/status");
    # The node's own view of its first process is the last number, and must be 1. One that has ended, and whose
    # exit status nobody has asked for yet, is no node.
    my ($state) = field('State', $its) or next;
    print join(' ', 'node', field('NSpid', $its)), "\n" unless $state =~ /^[ZX]/;
  }
}
