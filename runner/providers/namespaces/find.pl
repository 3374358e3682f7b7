# Lists every lab of a state folder, on the machine under the labs: find.pl FOLDER [USER [PID]], with USER those whose first process is this
# user's, which saves reading what all others were started with, and with PID the one whose first process that is, if it still is one:
#   lab PID COMMAND / "uid NUMBER" / environment lines / "node PID NSPID…" lines, one for each child
# A learner can give a process of a node any name and environment. But it is two process namespaces down, or
# more: whatever is exactly one down, and the first there, is no node's, so its environment can be believed.
# Run by agent.pl, which is told what the last line says: to start a Perl for it takes longer than the whole search.
use strict;
my ($home, $user, $only) = @ARGV;
# Of a file that may be gone at any moment.
sub text {
  open my $file, '<', $_[0] or return '';
  local $/;
  return <$file> // '';
}
sub field { my ($name, $status) = @_; return $status =~ /^\Q$name\E:\s*(.*)$/m ? split ' ', $1 : () }
my $own = field('NSpid', text('/proc/self/status'));
opendir my $proc, '/proc' or die "/proc: $!\n";
my @found;
for my $pid ($only // sort { $a <=> $b } grep { /^\d+$/ } readdir $proc) {
  next if defined $user && ((stat "/proc/$pid")[4] // -1) != $user;
  my $environment = text("/proc/$pid/environ");
  next if index("\0$environment", "\0HARDWAY_HOME=$home\0") < 0;
  my $status = text("/proc/$pid/status");
  my @numbers = field('NSpid', $status);
  next unless @numbers == $own + 1 && $numbers[-1] == 1;
  my ($uid) = field('Uid', $status);
  $environment =~ tr/\0/\n/;
  push @found, 'lab ', $pid, ' ', text("/proc/$pid/comm"), "uid $uid\n", $environment;
  for my $child (split ' ', text("/proc/$pid/task/$pid/children")) {
    my $its = text("/proc/$child/status");
    # The node's own view of its first process is the last number, and must be 1. One that has ended, and whose
    # exit status nobody has asked for yet, is no node.
    my ($state) = field('State', $its) or next;
    push @found, join(' ', 'node', field('NSpid', $its)), "\n" unless $state =~ /^[ZX]/;
  }
}
join '', @found;
