#!/usr/bin/perl
# The same plugin in another language and by other means: a lock around one list of leases.
use strict;
use Fcntl qw(:flock :seek O_RDWR O_CREAT);
my $config = do { local $/; readline STDIN } // '';
my $version = '1.1.0';
sub refuse {
  my ($code, $msg) = @_;
  print qq({"cniVersion":"$version","code":$code,"msg":"$msg"}\n);
  exit 1;
}
# Perl as it is in a node has no reader of JSON; jq has.
sub config {
  open my $jq, '-|', 'sh', '-c', 'printf %s "$1" | jq -er "$2" 2>/dev/null', 'sh', $config, $_[0] or refuse(5, 'no jq');
  chomp(my @lines = readline $jq);
  return close $jq ? @lines : ();
}
my ($own, $name, $bridge, $subnet, $gateway) = config('[.cniVersion, .name, .bridge, .subnet, .gateway] | map(. // "-") | .[]') or refuse(6, 'standard input is no configuration');
$version = $own;
my $verb = $ENV{CNI_COMMAND} // '';
if ($verb eq 'VERSION') {
  print qq({"cniVersion":"$version","supportedVersions":["1.0.0","1.1.0"]}\n);
  exit;
}
my %verbs = (ADD => \&add, DEL => \&del, CHECK => \&check, STATUS => \&status, GC => \&gc);
my $do = $verbs{$verb} or refuse(4, 'CNI_COMMAND is nothing that I know');
for my $variable ($verb eq 'STATUS' || $verb eq 'GC' ? () : ('CNI_CONTAINERID', 'CNI_IFNAME', $verb eq 'DEL' ? () : 'CNI_NETNS')) {
  refuse(4, "$variable is not set") if ($ENV{$variable} // '') eq '';
}
my ($id, $ifname, $netns) = map { $_ // '' } @ENV{qw(CNI_CONTAINERID CNI_IFNAME CNI_NETNS)};
my ($base, $length) = $subnet =~ m{^(\d+\.\d+\.\d+)\.\d+/(\d+)$} or refuse(7, 'subnet is none');
my $hosts = 2 ** (32 - $length) - 2;
$do->();

# One list, under one lock: address, container, interface. What the work leaves of it is kept.
sub leases {
  my ($work) = @_;
  mkdir '/var/lib/cni';
  sysopen my $list, "/var/lib/cni/$name.list", O_RDWR | O_CREAT or refuse(5, 'no list of leases');
  flock $list, LOCK_EX;
  my %taken = map { /^(\S+) (.*)$/ ? ($1 => $2) : () } readline $list;
  my @answer = $work->(\%taken);
  seek $list, 0, SEEK_SET;
  truncate $list, 0;
  print $list "$_ $taken{$_}\n" for sort keys %taken;
  close $list;
  return wantarray ? @answer : $answer[0];
}
sub quiet { return system('sh', '-c', 'exec "$@" >/dev/null 2>&1', 'sh', @_) == 0 }
sub inside { return quiet("nsenter", "--net=$netns", "ip", @_) }

sub add {
  refuse(101, "there is a $ifname in the pod") if inside(qw(link show), $ifname);
  my $address = leases(sub {
    my ($taken) = @_;
    my ($free) = grep { $_ ne $gateway && !$taken->{$_} } map { "$base.$_" } 1 .. $hosts;
    $taken->{$free} = "$id $ifname" if defined $free;
    return $free;
  }) // refuse(102, 'no address is left');
  quiet(qw(ip link add), $bridge, qw(type bridge));
  quiet(qw(ip addr replace), "$gateway/$length", 'dev', $bridge);
  quiet(qw(ip link set), $bridge, 'up');
  my $host = 'p' . substr($id, 0, 7) . substr $ifname, -6;
  my $made = quiet(qw(ip link add), $host, 'up', 'master', $bridge, qw(type veth peer name), $ifname, 'netns', $netns)
    && inside(qw(addr add), "$address/$length", 'dev', $ifname) && inside(qw(link set), $ifname, 'up') && inside(qw(route add default via), $gateway);
  if (!$made) { gone(); refuse(103, 'no cable, or no route') }
  my ($mac) = `nsenter --net=$netns ip -o link show $ifname` =~ m{link/ether (\S+)};
  print qq({"cniVersion":"$version","interfaces":[{"name":"$ifname","mac":"$mac","sandbox":"$netns"}],"ips":[{"address":"$address/$length","gateway":"$gateway","interface":0}],"routes":[{"dst":"0.0.0.0/0"}]}\n);
}

sub gone {
  inside(qw(link del), $ifname) if $netns ne '';
  leases(sub { my ($taken) = @_; $taken->{$_} eq "$id $ifname" and delete $taken->{$_} for keys %$taken; return });
}
sub del { gone(); exit 0 }

sub check {
  my ($wanted) = config('.prevResult.ips[0].address');
  my ($shown) = `nsenter --net=$netns ip -o -4 addr show dev $ifname up 2>/dev/null` =~ /inet (\S+)/;
  refuse(104, "$ifname is not as it was") if ($shown // '') ne ($wanted // 'none');
  refuse(105, 'no default route') if `nsenter --net=$netns ip route show default 2>/dev/null` !~ /via \Q$gateway\E /;
}

sub status { leases(sub { return scalar keys %{$_[0]} }) < $hosts - 1 or refuse(50, 'no address is left') }

sub gc {
  my %valid = map { $_ => 1 } config('"", (."cni.dev/valid-attachments"[]? | "\(.containerID) \(.ifname)")');
  leases(sub { my ($taken) = @_; $valid{$taken->{$_}} or delete $taken->{$_} for keys %$taken; return });
}
