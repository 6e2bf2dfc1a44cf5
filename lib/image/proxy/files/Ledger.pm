package Ledger;
# What was asked of a proxy and refused: host, port, how often, when last, and why; the newest that there is room for.
use strict;
use warnings;

my $room = 500;
# The probe asks for it to see it refused.
my $probe = 'probe.git-paude.invalid';

sub new { my ($class, $session) = @_; return bless { session => $session, refused => {} }, $class }

# One line of squid's log: scheme, host, port, the server name in TLS, what was done with TLS, squid's own error.
sub note {
    my ($self, $scheme, $host, $port, $name, $done, $error) = @_;
    # The page that squid shows inside of TLS for a tunnel that it refused.
    return if !defined $error || $scheme eq 'https';
    my $why
        = $error eq 'ERR_FORWARDING_DENIED' ? 'host'
        : $error eq 'ERR_ACCESS_DENIED' ? ($scheme eq 'http' ? 'host' : 'address')
        : $done eq 'terminate' ? 'name'
        : return;
    $host = $name if $why eq 'name' && $name ne '-';
    $host = lc substr $host, 0, 255;
    $host =~ s/[^a-z0-9._:\[\]-]/?/g;
    $port = 0 if $port !~ /^[0-9]{1,5}$/;
    return if $host eq $probe || $host eq '-';
    my $refused = $self->{refused};
    my $entry = $refused->{"$host $port $why"} //= { count => 0 };
    $entry->{count}++;
    $entry->{last} = time;
    return if keys %$refused <= $room;
    my ($oldest) = sort { $refused->{$a}{last} <=> $refused->{$b}{last} } keys %$refused;
    delete $refused->{$oldest};
}

# `HOST PORT WHY COUNT LAST` a line, the newest first; LAST in unix seconds.
sub text {
    my ($self) = @_;
    my $refused = $self->{refused};
    return join '', map { "$_ $refused->{$_}{count} $refused->{$_}{last}\n" }
        sort { $refused->{$b}{last} <=> $refused->{$a}{last} || $a cmp $b } keys %$refused;
}

# The reason and the command, for a header of the answer.
sub sentence {
    my ($self, $host, $port) = @_;
    my $place = $port == 443 ? $host : "$host:$port";
    return "$host:$port is not allowed in this session; to allow it: git paude network $self->{session} --allow $place";
}

1;
