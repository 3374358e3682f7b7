# The one process by which a runner runs commands on the machine under the nodes:
# agent.pl ENTER FIND [bound], texts of enter.pl and find.pl, for commands whose first word is `enter` or `find`.
# Runs any number of commands at once over its standard input and output, in frames: the length of what follows
# (4 bytes), one letter, the command's number (4 bytes), data. To here:
#   r run: number of NAME=VALUE strings, those, argv, all separated by zero bytes   t the same on a terminal
#   w rows and columns of the terminal   i input   e end of input   k kill   f free: may outlive this process
# From here: o standard output   x standard error   w bytes of input that it took   q ended: exit code, or nothing
# after a signal
# With the end of its own input everything that was not freed ends too; "bound", so does the container.
# Only core Perl: each module loaded would cost more than a command.
use strict;
my ($enter, $find) = map { eval "no strict; sub {$_}" or die $@ } splice @ARGV, 0, 2;
my $bound = @ARGV && $ARGV[0] eq 'bound';
# Processes that have entered a node and start commands there: by what `enter` is told before the command.
my ($in, $out, %run, %gates) = ('', '');
# Beyond this nothing is read from commands until the runner has taken what there is.
my $most = 1 << 20;
$SIG{PIPE} = 'IGNORE';
nonblocking(\*STDOUT);
# A gate watches the node by pidfd_open, which an old engine's filter refuses.
my $self = syscall 434, $$ + 0, 0;
my $watches = $self >= 0 && open my $watched, '<&=', $self;

# What select is asked about, kept from turn to turn, and what is done then, by the file's number: many commands are under way at once, and few
# of them have something to say. Outputs are apart, since they can be made to wait.
my ($always, $outputs, $inputs) = ('', '', '');
my (%readable, %writable);
vec($always, 0, 1) = 1;
# Commands to look after without being told: ended and not finished, struck and not ended, or of a kernel that says nothing of their end.
my %tended;

for (;;) {
  my ($read, $write) = (length $out < $most ? $always | $outputs : $always, $inputs);
  vec($write, 1, 1) = 1 if length $out;
  next if select($read, $write, undef, %tended ? 0.01 : undef) < 0;
  for (numbers($write)) { $writable{$_}->() if $writable{$_} }
  for (numbers($read)) { $readable{$_}->() if $readable{$_} }
  # Last, since what it begins may get the number of a file that was closed in this turn.
  if (vec($read, 0, 1)) {
    sysread(STDIN, $in, 1 << 16, length $in) or last;
    while (length $in > 4 and length $in >= 4 + (my $size = unpack 'N', $in)) {
      my (undef, $what, $id, $data) = unpack 'N a N a*', substr $in, 0, 4 + $size, '';
      obey($what, $id, $data);
    }
  }
  for my $id (keys %tended) {
    my $r = $run{$id};
    strike($id) if $r->{struck} && !defined $r->{status};
    reap($id) if !defined $r->{status} && $r->{pid} && !$r->{ended};
    finish($id) if defined $r->{status};
  }
  if (length $out) {
    my $count = syswrite STDOUT, $out, 1 << 16;
    if ($count) { substr $out, 0, $count, '' }
    elsif (!again()) { last }
  }
}
strike($_) for grep { !defined $run{$_}{status} } keys %run;
# The container's first process ends at this signal, and with it all the others.
kill 15, 1 if $bound;

# Of the files that select has named.
sub numbers {
  my ($bits, $at, @all) = (unpack('b*', $_[0]), -1);
  push @all, $at while ($at = index $bits, '1', $at + 1) >= 0;
  return @all;
}

sub watch_output {
  my ($id, $which) = @_;
  my $number = fileno $run{$id}{$which};
  vec($outputs, $number, 1) = 1;
  $readable{$number} = sub { take($id, $which) };
}

# Only while there is something to say to the command.
sub watch_input {
  my ($id) = @_;
  my $number = fileno $run{$id}{i};
  vec($inputs, $number, 1) = length $run{$id}{input} ? 1 : 0;
  $writable{$number} = sub { feed($id) };
}

# A terminal's input and output are one file.
sub let_go {
  my ($r, $which) = @_;
  my $number = fileno(delete $r->{$which} // return);
  if ($which eq 'i') {
    vec($inputs, $number, 1) = 0;
    delete $writable{$number};
  } else {
    vec($_, $number, 1) = 0 for $always, $outputs;
    delete $readable{$number};
  }
}

sub forget {
  my ($id) = @_;
  my $r = delete $run{$id};
  let_go($r, $_) for qw(i o x ended);
  delete $tended{$id};
}

sub obey {
  my ($what, $id, $data) = @_;
  return start($id, $what eq 't', split /\0/, $data, -1) if $what eq 'r' || $what eq 't';
  my $r = $run{$id} or return;
  if ($what eq 'i') {
    if ($r->{i}) {
      $r->{input} .= $data;
      watch_input($id);
    }
  }
  elsif ($what eq 'e') { $r->{eof} = 1; feed($id) }
  elsif ($what eq 'w') { ioctl $r->{o}, 0x5414, pack 'S4', unpack('n2', $data), 0, 0 if $r->{o} }
  elsif ($what eq 'k') { strike($id) if !defined $r->{status} }
  elsif ($what eq 'f') { $bound = 0; feed($id); forget($id) }
}

sub start {
  my ($id, $terminal, $count, @words) = @_;
  my @env = splice @words, 0, $count;
  return search($id, @words[1 .. $#words]) if $words[0] eq 'find';
  my ($i, $o, $x, @theirs);
  if ($terminal) {
    my $number = pack 'i', 0;
    # O_RDWR | O_NOCTTY: it is not to become the agent's own.
    sysopen $o, '/dev/ptmx', 258 or return refuse($id, "/dev/ptmx: $!");
    # Unlock it, ask for its number.
    ioctl $o, 0x40045431, $number;
    ioctl $o, 0x80045430, $number;
    sysopen my $slave, '/dev/pts/' . unpack('i', $number), 258 or return refuse($id, "/dev/pts: $!");
    ($i, @theirs) = ($o, ($slave) x 3);
    # It becomes the controlling terminal of a session of its own.
    unshift @words, 'setsid', '-c';
  } else {
    pipe $theirs[0], $i and pipe $o, $theirs[1] and pipe $x, $theirs[2] or return refuse($id, "pipe: $!");
  }
  my $r = $run{$id} = { i => $i, o => $o, x => $x, input => '', eof => 0, terminal => $terminal };
  nonblocking($_) for grep { $_ } $i, $o, $x;
  watch_output($id, $_) for grep { $r->{$_} } qw(o x);
  return if $watches && !$terminal && $words[0] eq 'enter' && !grep({ /^TERM=/ } @env) && let_in($id, \@theirs, @words[1 .. $#words]);
  my $pid = fork // return refuse($id, "fork: $!");
  if (!$pid) {
    $SIG{PIPE} = 'DEFAULT';
    open STDIN, '<&', $theirs[0];
    open STDOUT, '>&', $theirs[1];
    open STDERR, '>&', $theirs[2];
    %ENV = map { split /=/, $_, 2 } @env;
    if ($words[0] eq 'enter') {
      @ARGV = @words[1 .. $#words];
      eval { $enter->() };
      syswrite STDERR, $@;
      exit 255;
    }
    exec { $words[0] } @words or syswrite STDERR, "$words[0]: $!\n";
    exit 127;
  }
  begun($id, $pid);
}

# Done at once and here; its answer is at most a few lines for each lab.
sub search {
  my ($id, @words) = @_;
  local @ARGV = @words;
  my $found = eval { $find->() };
  answer('x', $id, $@) if !defined $found;
  answer('o', $id, $found) if length $found;
  answer('q', $id, defined $found ? 0 : 1);
}

# pidfd_open has the same number on every processor. It becomes readable when the process has ended; where an
# old engine's filter refuses it, every turn of the loop asks.
sub begun {
  my ($id, $pid) = @_;
  # Freed meanwhile.
  my $r = $run{$id} // return;
  $r->{pid} = $pid;
  my $number = syscall 434, $pid, 0;
  if ($number < 0) {
    $tended{$id} = 1;
    return;
  }
  open $r->{ended}, '<&=', $number;
  vec($always, $number, 1) = 1;
  $readable{$number} = sub { reap($id) };
}

# To enter a node takes longer than most commands: a process that has, a gate, is kept, and starts what comes later. Nothing, if it cannot be asked
# at once; then a process of the command's own enters.
sub let_in {
  my ($id, $files, @words) = @_;
  my @how;
  while (@words and (my $word = shift @words) ne '--') { push @how, $word }
  my ($key, $argv) = ("@how", join "\0", @words);
  return if length $argv > 60000;
  my $gate = $gates{$key} // gate($key, @how) // return;
  # A struct msghdr with SCM_RIGHTS. MSG_DONTWAIT, MSG_NOSIGNAL.
  my $control = pack 'Q i2 i3 x4', 28, 1, 1, map { fileno $_ } @$files;
  my $pieces = pack 'P Q', $argv, length $argv;
  my $message = pack 'Q L x4 P Q P Q i x4', 0, 0, $pieces, 1, $control, length $control, 0;
  return unless syscall($how[1] == 250 ? 46 : 211, fileno $gate->{socket}, $message, 0x4040) == length $argv;
  $run{$id}{direct} = 1;
  return push @{$gate->{asked}}, $id;
}

sub gate {
  my ($key, @how) = @_;
  # AF_UNIX, SOCK_SEQPACKET.
  socketpair my $own, my $its, 1, 5, 0 or return;
  my $pid = fork // return;
  if (!$pid) {
    $SIG{PIPE} = 'DEFAULT';
    open STDIN, '+<&', $its;
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    @ARGV = (@how, '--');
    our $gate = 1;
    eval { $enter->() };
    syswrite STDIN, "x$@";
    exit 255;
  }
  my $gate = $gates{$key} = { key => $key, pid => $pid, socket => $own, asked => [], error => "enter: gone\n" };
  vec($always, fileno $own, 1) = 1;
  $readable{fileno $own} = sub { hear($gate) };
  return $gate;
}

# `p` and the number of a command's process, in the order in which it was asked; `f` and why this one could not be started; or `x` and why the
# gate could not enter, which is true of all.
sub hear {
  my ($gate) = @_;
  my $count = sysread $gate->{socket}, my $said, 4096;
  if (!$count) {
    delete $gates{$gate->{key}};
    let_go($gate, 'socket');
    waitpid $gate->{pid}, 0;
    keep_out($_, $gate->{error}) for @{$gate->{asked}};
  } elsif ($said =~ /^p(\d+)$/) {
    begun(shift @{$gate->{asked}}, $1 + 0);
  } else {
    $gate->{error} = substr $said, 1 if $said =~ /^x/;
    keep_out(shift @{$gate->{asked}}, substr $said, 1);
  }
}

sub keep_out {
  my ($id, $why) = @_;
  return unless $run{$id};
  forget($id);
  answer('x', $id, $why);
  answer('q', $id, '255');
}

sub refuse {
  my ($id, $why) = @_;
  forget($id) if $run{$id};
  answer('x', $id, "$why\n");
  answer('q', $id, '126');
}

sub feed {
  my ($id) = @_;
  my $r = $run{$id};
  if ($r->{i} && length $r->{input}) {
    my $count = syswrite $r->{i}, $r->{input}, 1 << 16;
    if ($count) {
      substr $r->{input}, 0, $count, '';
      answer('w', $id, $count);
    }
    # A command that does not read its input to the end closes the pipe: that is its right.
    elsif (!again()) { $r->{input} = ''; let_go($r, 'i') }
  }
  let_go($r, 'i') if $r->{eof} && !length $r->{input} && !$r->{terminal};
  watch_input($id) if $r->{i};
}

sub take {
  my ($id, $which) = @_;
  my $r = $run{$id};
  my $count = sysread $r->{$which}, my $piece, 1 << 16;
  return answer($which, $id, $piece), $count if $count;
  # A terminal answers EIO when nobody has it open any more.
  let_go($r, $which) if defined $count || !again();
  return 0;
}

sub reap {
  my ($id) = @_;
  my $r = $run{$id};
  return unless waitpid($r->{pid}, 1) == $r->{pid};
  $r->{status} = $?;
  $r->{until} = now() + 0.05;
  let_go($r, 'ended');
  $tended{$id} = 1;
}

# A daemon that the command leaves behind may hold its output open for ever: what has come within a moment of
# the end is the command's.
sub finish {
  my ($id) = @_;
  my $r = $run{$id};
  if ($r->{o} || $r->{x}) {
    return if length $out >= $most || now() < $r->{until};
    for my $which (qw(o x)) { for (1 .. 16) { $r->{$which} && take($id, $which) or last } }
  }
  answer('q', $id, $r->{status} & 127 ? '' : $r->{status} >> 8);
  forget($id);
}

sub answer {
  my ($what, $id, $data) = @_;
  $out .= pack 'N a N a*', 5 + length $data, $what, $id, $data;
}

# Seconds, in hundredths.
sub now {
  open my $file, '<', '/proc/uptime' or return 1e9;
  return (split ' ', readline $file)[0];
}

# A process and all that descend from it: what waits for a command does not pass signals on.
sub tree {
  my ($pid) = @_;
  my $children = '';
  if (open my $file, '<', "/proc/$pid/task/$pid/children") { $children = readline($file) // '' }
  return $pid, map { tree($_) } split ' ', $children;
}

# What waits for a command ends by itself when that has ended. Killed with it, the command would be left to the machine's first
# process to reap, which may take its time; so it is killed itself only if it has started nothing, or if what it
# started forks as fast as it is killed.
sub strike {
  my ($id) = @_;
  my $r = $run{$id};
  $r->{struck} ||= 1;
  $tended{$id} = 1;
  # A gate has not said yet who it is.
  return unless $r->{pid};
  my ($top, @below) = tree($r->{pid});
  kill 9, !$r->{direct} && @below && $r->{struck}++ < 20 ? @below : ($top, @below);
}

# EAGAIN, EINTR.
sub again { $! == 11 || $! == 4 }

# F_SETFL, O_NONBLOCK.
sub nonblocking { fcntl $_[0], 4, 2048 }
