package Relay;
# The connections of a session through its proxy: each is handed to squid, and labelled with the host that squid let
# it through to, so that it can be closed when that host is no longer allowed.
use strict;
use warnings;
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Errno qw(EAGAIN EINTR EINPROGRESS);

# Bytes: of a request's head, of an answer's, of what waits for a slow reader, and of what is read at once: each round
# of the loop costs as much as copying that.
my ($longest_head, $longest_answer, $most_waiting, $chunk) = (16_384, 65_536, 262_144, 131_072);
# Seconds: for a head to be whole, for squid to be there again.
my ($head_time, $squid_time) = (30, 5);

sub new {
    my ($class, %own) = @_;
    my $most = int((($ENV{PAUDE_FILES} // '') =~ /^([0-9]+)$/ ? $1 : 1024) / 2) - 40;
    return bless { %own, all => {}, names => {}, plain => '', most => $most > 2000 ? 2000 : $most }, $class;
}

sub full { my ($self) = @_; return keys %{ $self->{all} } >= 2 * $self->{most} }

# A connection of the session's, and of nobody else's where it is known which address that has.
sub take {
    my ($self, $client, $peer) = @_;
    if (my $only = $ENV{PAUDE_CLIENT}) {
        return close $client if sockaddr_family($peer) != AF_INET || !grep { inet_ntoa((unpack_sockaddr_in $peer)[1]) eq $_ } $only, $ENV{PAUDE_LISTEN} // ();
    }
    setsockopt $client, IPPROTO_TCP, TCP_NODELAY, 1;
    my $one = { client => $client, state => 'head', since => time, to_client => '', to_squid => '' };
    $self->{all}{ fileno $client } = [ $one, 'client' ];
}

sub readers {
    my ($self) = @_;
    my $set = '';
    for my $number (keys %{ $self->{all} }) {
        my ($one, $side) = @{ $self->{all}{$number} };
        my $other = $side eq 'client' ? 'squid' : 'client';
        next if $one->{"$side ended"} || length $one->{"to_$other"} > $most_waiting;
        vec($set, $number, 1) = 1;
    }
    return $set;
}

sub writers {
    my ($self) = @_;
    my $set = '';
    for my $number (keys %{ $self->{all} }) {
        my ($one, $side) = @{ $self->{all}{$number} };
        vec($set, $number, 1) = 1 if $one->{"to_$side"} ne '';
    }
    return $set;
}

# How long select may take, in seconds.
sub wait { my ($self) = @_; return $self->{waiting} ? 0.02 : 1 }

sub serve {
    my ($self, $reads, $writes) = @_;
    for my $number (keys %{ $self->{all} }) {
        my $entry = $self->{all}{$number} // next;
        my ($one, $side) = @$entry;
        $self->send_on($one, $side) if vec $writes, $number, 1;
        next if $one->{gone};
        $self->read_from($one, $side) if vec $reads, $number, 1;
    }
}

# What was read last; kept, for making it anew costs as much as reading.
my $buffer = '';

sub read_from {
    my ($self, $one, $side) = @_;
    my $got = sysread $one->{$side}, $buffer, $chunk;
    if (!defined $got) {
        return if $! == EAGAIN || $! == EINTR;
        return $self->drop($one);
    }
    my $other = $side eq 'client' ? 'squid' : 'client';
    if ($got == 0) {
        $one->{"$side ended"} = 1;
        return $self->drop($one) if $one->{state} eq 'head' || $one->{state} eq 'answer';
        return $self->send_on($one, $other);
    }
    if ($one->{state} eq 'head') { return $self->head($one, $buffer) }
    if ($one->{state} eq 'answer' && $side eq 'squid') { return $self->answer($one, $buffer) }
    $one->{left} -= $got if $side eq 'squid' && defined $one->{left};
    # Most often nothing waits and all of it goes out at once, without another copy.
    my $waiting = \$one->{"to_$other"};
    my $sent = $$waiting eq '' && $one->{$other} ? syswrite $one->{$other}, $buffer : 0;
    $$waiting .= !$sent ? $buffer : $sent < $got ? substr($buffer, $sent) : '';
    $self->send_on($one, $other) if $one->{$other} && ($$waiting ne '' || defined $one->{left});
}

# The client's first words. Only what is exactly a request for a tunnel gets a label; squid judges all of them.
sub head {
    my ($self, $one, $bytes) = @_;
    $one->{to_squid} .= $bytes;
    my ($head) = $one->{to_squid} =~ /^(.*?\r?\n)\r?\n/s;
    return length $one->{to_squid} > $longest_head ? $self->drop($one) : undef if !defined $head;
    if ($head =~ m{^GET /blocked HTTP/1\.[01]\r?\n}) {
        $one->{state} = 'said';
        $one->{to_squid} = '';
        $one->{to_client} = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" . $self->{ledger}->text;
        $one->{'squid ended'} = 1;
        return $self->send_on($one, 'client');
    }
    ($one->{method}) = $head =~ /^(\S+)/;
    if ($head =~ m{^CONNECT ([A-Za-z0-9._-]+):0*([0-9]{1,5}) HTTP/1\.[01]\r?\n}) { @$one{qw(host port)} = (lc $1, $2) }
    elsif ($head =~ m{^[A-Z]+ http://([A-Za-z0-9._-]+)(?::([0-9]{1,5}))?/}) { @$one{qw(host port)} = (lc $1, $2 // 80) }
    $one->{host} =~ s/\.+$// if defined $one->{host};
    @$one{qw(state since)} = ('answer', time);
    $self->reach($one);
}

# squid's port is closed for a moment while it takes a new configuration.
sub reach {
    my ($self, $one) = @_;
    socket my $squid, AF_INET, SOCK_STREAM, 0 or return $self->drop($one);
    if (!connect $squid, pack_sockaddr_in($self->{port}, INADDR_LOOPBACK)) {
        close $squid;
        return $self->drop($one) if time - $one->{since} > $squid_time;
        return $self->{waiting}{ fileno $one->{client} } = $one;
    }
    fcntl $squid, F_SETFL, fcntl($squid, F_GETFL, 0) | O_NONBLOCK;
    setsockopt $squid, IPPROTO_TCP, TCP_NODELAY, 1;
    $one->{squid} = $squid;
    $self->{all}{ fileno $squid } = [ $one, 'squid' ];
    $self->send_on($one, 'squid');
}

# squid's first words. A refusal gets the reason and the command that allows it.
sub answer {
    my ($self, $one, $bytes) = @_;
    $one->{held} = ($one->{held} // '') . $bytes;
    my ($head, $body) = $one->{held} =~ /^(.*?\r?\n)\r?\n(.*)$/s;
    return length $one->{held} > $longest_answer ? $self->drop($one) : undef if !defined $head;
    my ($status) = $head =~ m{^HTTP/1\.[01] ([0-9]{3})};
    my $tunnel = $one->{method} eq 'CONNECT';
    $one->{state} = $tunnel ? 'tunnel' : 'plain';
    return $self->drop($one) if $tunnel && ($status // '') eq '200' && !$self->allowed($one);
    if ($head =~ /^X-Squid-Error: ERR_(?:FORWARDING|ACCESS)_DENIED/mi && defined $one->{host} && $one->{method} !~ /^(?:TRACE|PURGE)$/) {
        my $sentence = $self->{ledger}->sentence($tunnel ? 'tls' : 'http', @$one{qw(host port)});
        $head .= "Paude-Blocked: $sentence\r\n";
    }
    # One request, one answer: what comes after a refusal would have no label.
    if ($tunnel && ($status // '') ne '200') {
        ($one->{left}) = $head =~ /^Content-Length: *([0-9]+)/mi;
        $one->{left} = ($one->{left} // 0) - length $body;
        $head =~ s/^(?:Proxy-)?Connection:.*\r?\n//gmi;
        $head .= "Connection: close\r\n";
    }
    $one->{to_client} .= "$head\r\n$body";
    delete $one->{held};
    $self->send_on($one, 'client');
}

sub send_on {
    my ($self, $one, $side) = @_;
    my $waiting = \$one->{"to_$side"};
    while ($$waiting ne '' && $one->{$side}) {
        my $sent = syswrite $one->{$side}, $$waiting;
        if (!defined $sent) {
            return if $! == EAGAIN || $! == EINTR;
            return $self->drop($one);
        }
        substr $$waiting, 0, $sent, '';
    }
    return if $$waiting ne '';
    my $other = $side eq 'client' ? 'squid' : 'client';
    return $self->drop($one) if $side eq 'client' && ($one->{state} eq 'said' || (defined $one->{left} && $one->{left} <= 0));
    return if !$one->{"$other ended"};
    return $self->drop($one) if $one->{"$side ended"};
    shutdown $one->{$side}, 1 if $one->{$side};
}

sub drop {
    my ($self, $one) = @_;
    return if $one->{gone}++;
    for my $side (qw(client squid)) {
        my $end = $one->{$side} or next;
        delete $self->{all}{ fileno $end };
        delete $self->{waiting}{ fileno $end } if $self->{waiting};
        close $end;
    }
}

# Once a round: who waits for squid, who never said anything, who is gone on both sides.
sub tick {
    my ($self) = @_;
    my $waiting = delete $self->{waiting};
    if ($waiting) { for my $one (my @late = values %$waiting) { $self->reach($one) if !$one->{gone} } }
    my $now = time;
    return if $now == ($self->{ticked} // 0);
    $self->{ticked} = $now;
    for my $entry (my @all = values %{ $self->{all} }) {
        my $one = $entry->[0];
        $self->drop($one) if $one->{state} eq 'head' && $now - $one->{since} > $head_time;
    }
}

# New rules, in squid's own words; what they don't allow is closed.
sub allow {
    my ($self, $configuration) = @_;
    my (%names, %denied);
    push @{ $names{$1} }, $2 while $configuration =~ /^acl tls_names_([0-9]+) dstdom_regex -n -i (\S+)$/mg;
    push @{ $denied{$1} }, $2 while $configuration =~ /^acl tls_denied_([0-9]+) dstdom_regex -n -i (\S+)$/mg;
    my $any = sub { my $all = join '|', @{ $_[0] }; return qr/$all/ };
    $self->{names} = { map { $_ => $any->($names{$_}) } keys %names };
    $self->{denied} = { map { $_ => $any->($denied{$_}) } keys %denied };
    my $plain = join "\n", $configuration =~ /^(acl http_.*)$/mg;
    my $changed = $plain ne $self->{plain};
    $self->{plain} = $plain;
    for my $entry (my @all = values %{ $self->{all} }) {
        my $one = $entry->[0];
        next if $one->{gone};
        $self->drop($one) if $one->{state} eq 'tunnel' ? !$self->allowed($one) : $one->{state} eq 'plain' && $changed;
    }
}

sub allowed {
    my ($self, $one) = @_;
    my ($host, $port) = @$one{qw(host port)};
    return 0 if !defined $host;
    my ($names, $denied) = ($self->{names}{$port}, $self->{denied}{$port});
    return $names && $host =~ $names && !($denied && $host =~ $denied);
}

1;
