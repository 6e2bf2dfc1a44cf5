package Ledger;
# What was asked of a proxy and refused: host, port, how often, when last, and why; the newest that there is room for.
use strict;
use warnings;
use Rules;

my $room = 500;
# The probe asks for it to see it refused.
my $probe = 'probe.git-paude.invalid';

sub new { my ($class, $session) = @_; return bless { session => $session, refused => {}, rules => Rules->new('') }, $class }

# New rules; what they let through is no longer told as refused.
sub allow {
    my ($self, $rules) = @_;
    $self->{rules} = $rules;
    my $refused = $self->{refused};
    for my $key (keys %$refused) {
        my ($scheme, $host, $port, $why) = @{ $refused->{$key} }{qw(scheme host port why)};
        next if $why eq 'name' || !$rules->permits($scheme, $host, $port);
        delete $refused->{$key} if $why eq 'host' || $rules->permits('private', $host, $port);
    }
}

# One line of squid's log: scheme, host, port, the server name in TLS, what was done with TLS, squid's own error, method.
sub note {
    my ($self, $scheme, $host, $port, $name, $done, $error, $method) = @_;
    # The page that squid shows inside of TLS for a tunnel that it refused.
    return if !defined $error || $scheme eq 'https';
    # No rule lets these through.
    return if ($method // '') =~ /^(?:TRACE|PURGE)$/;
    $scheme = $scheme eq 'http' ? 'http' : 'tls';
    my $why
        = $error eq 'ERR_FORWARDING_DENIED' ? 'host'
        : $error eq 'ERR_ACCESS_DENIED' ? ($scheme eq 'tls' || $self->{rules}->permits($scheme, $host, $port) ? 'address' : 'host')
        : $done eq 'terminate' ? 'name'
        : return;
    $host = $name if $why eq 'name' && $name ne '-';
    # Its brackets, in squid's log.
    $host =~ s/^%5b(.*)%5d$/[$1]/i;
    $host = lc substr $host, 0, 240;
    $host =~ s/[^a-z0-9._:\[\]-]/?/g;
    $port = 0 if $port !~ /^[0-9]{1,5}$/;
    return if $host eq $probe || $host eq '-';
    $why = 'literal' if $why eq 'host' && is_address($host);
    my $refused = $self->{refused};
    my $entry = $refused->{ prefix($scheme, $port) . "$host $port $why" }
        //= { scheme => $scheme, host => $host, port => $port, why => $why, count => 0 };
    $entry->{count}++;
    $entry->{last} = time;
    return if keys %$refused <= $room;
    my ($oldest) = sort { $refused->{$a}{last} <=> $refused->{$b}{last} } keys %$refused;
    delete $refused->{$oldest};
}

# What no rule can allow, in any notation of it.
sub is_address { my ($host) = @_; return $host =~ /^\[|^localhost\.*$|(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.*$/i }

# Port 80 stands for requests in the clear, and each other one for TLS, where nothing else is said.
sub prefix {
    my ($scheme, $port) = @_;
    return $scheme eq ($port == 80 ? 'http' : 'tls') ? '' : $scheme eq 'tls' ? 'https://' : 'http://';
}

# `[http://|https://]HOST PORT WHY COUNT LAST` a line, the newest first; LAST in unix seconds.
sub text {
    my ($self) = @_;
    my $refused = $self->{refused};
    return join '', map { "$_ $refused->{$_}{count} $refused->{$_}{last}\n" }
        sort { $refused->{$b}{last} <=> $refused->{$a}{last} || $a cmp $b } keys %$refused;
}

# The reason, and the command where there is one, for a header of the answer.
sub sentence {
    my ($self, $scheme, $host, $port) = @_;
    return "$host:$port is an address; only names can be allowed" if is_address($host);
    my $hidden = $self->{rules}->permits($scheme, $host, $port);
    my $why = $hidden ? 'has a private address' : 'is not allowed in this session';
    my $entry = ($hidden ? 'private:' : '') . prefix($scheme, $port) . ($scheme eq 'tls' && $port == 443 ? $host : "$host:$port");
    return "$host:$port $why; to allow it: git paude network $self->{session} --allow $entry";
}

1;
