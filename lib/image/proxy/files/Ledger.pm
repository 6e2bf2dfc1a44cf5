package Ledger;
# What was asked of a proxy and refused: host, port, how often, when last, and why; the newest that there is room for.
use strict;
use warnings;

my $room = 500;
# The probe asks for it to see it refused.
my $probe = 'probe.git-paude.invalid';

sub new { my ($class, $session) = @_; return bless { session => $session, refused => {}, rules => {} }, $class }

# New rules, in squid's own words; what they let through is no longer told as refused.
sub allow {
    my ($self, $configuration) = @_;
    my (%names, %ports);
    push @{ $names{"$1 $2 $3"} }, $4 while $configuration =~ /^acl (tls|http)_(names|denied)_([0-9]+) dstdom_regex -n -i (\S+)$/mg;
    $ports{$1} = $2 while $configuration =~ /^acl private_port_([0-9]+) port ([0-9]+)$/mg;
    push @{ $names{"private names $ports{$1}"} }, $2 while $configuration =~ /^acl private_name_([0-9]+) dstdom_regex -n -i (\S+)$/mg;
    $self->{rules} = { map { my $any = join '|', @{ $names{$_} }; ($_ => qr/$any/) } keys %names };
    my $refused = $self->{refused};
    for my $key (keys %$refused) {
        my ($scheme, $host, $port, $why) = @{ $refused->{$key} }{qw(scheme host port why)};
        next if $why eq 'name' || !$self->permits($scheme, $host, $port);
        delete $refused->{$key} if $why eq 'host' || $self->permits('private', $host, $port);
    }
}

# Whether the rules let through a name: `tls`, `http`, or `private` for what may have a private address.
sub permits {
    my ($self, $kind, $host, $port) = @_;
    $host = lc $host =~ s/\.+$//r;
    return 0 if $host !~ /^[a-z0-9._-]+$/;
    my ($names, $denied) = @{ $self->{rules} }{ "$kind names $port", "$kind denied $port" };
    return $names && $host =~ $names && !($denied && $host =~ $denied);
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
        : $error eq 'ERR_ACCESS_DENIED' ? ($scheme eq 'tls' || $self->permits($scheme, $host, $port) ? 'address' : 'host')
        : $done eq 'terminate' ? 'name'
        : return;
    $host = $name if $why eq 'name' && $name ne '-';
    $host = lc substr $host, 0, 240;
    $host =~ s/[^a-z0-9._:\[\]-]/?/g;
    $port = 0 if $port !~ /^[0-9]{1,5}$/;
    return if $host eq $probe || $host eq '-';
    my $refused = $self->{refused};
    my $entry = $refused->{ prefix($scheme, $port) . "$host $port $why" }
        //= { scheme => $scheme, host => $host, port => $port, why => $why, count => 0 };
    $entry->{count}++;
    $entry->{last} = time;
    return if keys %$refused <= $room;
    my ($oldest) = sort { $refused->{$a}{last} <=> $refused->{$b}{last} } keys %$refused;
    delete $refused->{$oldest};
}

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

# The reason and the command, for a header of the answer.
sub sentence {
    my ($self, $scheme, $host, $port) = @_;
    my $hidden = $self->permits($scheme, $host, $port);
    my $why = $hidden ? 'has a private address' : 'is not allowed in this session';
    my $entry = ($hidden ? 'private:' : '') . prefix($scheme, $port) . ($scheme eq 'tls' && $port == 443 ? $host : "$host:$port");
    return "$host:$port $why; to allow it: git paude network $self->{session} --allow $entry";
}

1;
