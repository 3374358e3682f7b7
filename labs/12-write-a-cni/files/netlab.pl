#!/usr/bin/perl
# The same plugin in another language and by other means: a lock around one list of leases.
use strict;
use Fcntl qw(:flock :seek O_RDWR O_CREAT);
my $version = '1.1.0';
sub refuse {
  my ($code, $msg) = @_;
  print qq({"cniVersion":"$version","code":$code,"msg":"$msg"}\n);
  exit 1;
}
# Perl as it is in a node has no reader of JSON. jq has, and reads standard input in its place.
open my $jq, '-|', 'jq', '-r', '([.cniVersion, .name, .bridge, .subnet, .gateway, .prevResult.ips[0].address] | map(. // "-") | join(" ")),
  (."cni.dev/valid-attachments"[]? | "\(.containerID) \(.ifname)")' or refuse(5, 'no jq');
chomp(my ($told, @valid) = readline $jq);
close $jq or refuse(6, 'standard input is no configuration');
my ($own, $name, $bridge, $subnet, $gateway, $before) = split / /, $told;
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

# What it prints, or nothing if it fails.
sub ran {
  my $pid = open(my $out, '-|') // refuse(5, 'no process');
  if (!$pid) {
    open STDERR, '>', '/dev/null';
    exec @_ or exit 127;
  }
  my $said = join '', readline $out;
  return close $out ? "$said\n" : undef;
}
sub inside { return ran('nsenter', "--net=$netns", 'ip', @_) }

sub add {
  my $host = sprintf 'p%08x', rand 2 ** 32;
  if (!-e "/sys/class/net/$bridge") {
    ran(qw(ip link add), $bridge, qw(type bridge));
    ran(qw(ip addr replace), "$gateway/$length", 'dev', $bridge);
    ran(qw(ip link set), $bridge, 'up');
  }
  ran(qw(ip link add), $host, 'up', 'master', $bridge, qw(type veth peer name), $ifname, 'netns', $netns) or refuse(101, "no $ifname could be made in the pod");
  my $address = leases(sub {
    my ($taken) = @_;
    my ($free) = grep { $_ ne $gateway && !$taken->{$_} } map { "$base.$_" } 1 .. $hosts;
    $taken->{$free} = "$id $ifname" if defined $free;
    return $free;
  });
  if (!defined $address) { gone(); refuse(102, 'no address is left') }
  inside(qw(addr add), "$address/$length", 'dev', $ifname) && inside(qw(link set), $ifname, 'up') && inside(qw(route add default via), $gateway) or gone(), refuse(103, 'no route');
  my ($mac) = inside(qw(-o link show), $ifname) =~ m{link/ether (\S+)};
  print qq({"cniVersion":"$version","interfaces":[{"name":"$ifname","mac":"$mac","sandbox":"$netns"}],"ips":[{"address":"$address/$length","gateway":"$gateway","interface":0}],"routes":[{"dst":"0.0.0.0/0"}]}\n);
}

sub gone {
  inside(qw(link del), $ifname) if $netns ne '';
  leases(sub { my ($taken) = @_; $taken->{$_} eq "$id $ifname" and delete $taken->{$_} for keys %$taken; return });
}
sub del { gone(); exit 0 }

sub check {
  my ($shown) = inside(qw(-o -4 addr show dev), $ifname, 'up') =~ /inet (\S+)/;
  refuse(104, "$ifname is not as it was") if ($shown // '') ne $before;
  refuse(105, 'no default route') if inside(qw(route show default)) !~ /via \Q$gateway\E /;
}

sub status { leases(sub { return scalar keys %{$_[0]} }) < $hosts - 1 or refuse(50, 'no address is left') }

sub gc {
  my %valid = map { $_ => 1 } @valid;
  leases(sub { my ($taken) = @_; $valid{$taken->{$_}} or delete $taken->{$_} for keys %$taken; return });
}
