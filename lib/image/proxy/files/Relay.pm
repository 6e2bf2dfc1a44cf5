package Relay;
# The connections of a session through its proxy: each is one request, which is handed to squid and labelled with the
# host that it is for, so that it can be closed when that host is no longer allowed. Nothing else reaches squid.
use strict;
use warnings;
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Errno qw(EAGAIN EINTR EINPROGRESS);
use Request;
use Rules;

# Bytes: of a request's head, of an answer's, of what waits for a slow reader, and of what is read at once: each round
# of the loop costs as much as copying that.
my ($longest_head, $longest_answer, $most_waiting, $chunk) = (16_384, 65_536, 262_144, 131_072);
# Seconds: for a head to be whole, for squid to be there again, for a client to close what has come to its end.
my ($head_time, $squid_time, $end_time) = (30, 5, 5);

sub new {
    my ($class, %own) = @_;
    my $most = int((($ENV{PAUDE_FILES} // '') =~ /^([0-9]+)$/ ? $1 : 1024) / 2) - 40;
    return bless { %own, all => {}, rules => Rules->new(''), most => $most > 2000 ? 2000 : $most }, $class;
}

sub full { my ($self) = @_; return keys %{ $self->{all} } >= 2 * $self->{most} }

# A connection of the session's, and of nobody else's where it is known which address that has.
sub take {
    my ($self, $client, $peer) = @_;
    if (my $only = $ENV{PAUDE_CLIENT}) {
        return close $client if sockaddr_family($peer) != AF_INET || !grep { inet_ntoa((unpack_sockaddr_in $peer)[1]) eq $_ } $only, $ENV{PAUDE_LISTEN} // ();
    }
    setsockopt $client, IPPROTO_TCP, TCP_NODELAY, 1;
    # `state`: `head`, `answer` until squid has said what becomes of it, `tunnel` or `plain`, `over`. `early`: what the
    # client has said that squid may not see yet. `held`: the beginning of an answer.
    my $one = { client => $client, state => 'head', since => time, to_client => '', to_squid => '', early => '', held => '' };
    $self->{all}{ fileno $client } = [ $one, 'client' ];
}

sub readers {
    my ($self) = @_;
    my $set = '';
    for my $number (keys %{ $self->{all} }) {
        my ($one, $side) = @{ $self->{all}{$number} };
        my $other = $side eq 'client' ? 'squid' : 'client';
        next if $one->{"$side ended"} || length $one->{"to_$other"} > $most_waiting;
        next if $side eq 'client' && length $one->{early} > $most_waiting;
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
        return $self->drop($one) if $side eq 'client' || $one->{state} ne 'plain';
    }
    my $other = $side eq 'client' ? 'squid' : 'client';
    if (!$got) {
        $one->{"$side ended"} = 1;
        return $self->drop($one) if $one->{state} eq 'head' || $one->{state} eq 'answer';
        # What has its answer needs no more of its body.
        $one->{to_squid} = '' if $side eq 'squid' && $one->{state} ne 'tunnel';
        return $self->send_on($one, $other);
    }
    if ($one->{state} ne 'tunnel') {
        return $self->question($one, $buffer) if $side eq 'client';
        return $self->answer($one, $buffer) if $one->{state} eq 'answer';
    }
    # Most often nothing waits and all of it goes out at once, without another copy.
    my $waiting = \$one->{"to_$other"};
    my $sent = $$waiting eq '' && $one->{$other} ? syswrite $one->{$other}, $buffer : 0;
    $$waiting .= !$sent ? $buffer : $sent < $got ? substr($buffer, $sent) : '';
    $self->send_on($one, $other) if $$waiting ne '';
}

# What a client says outside of a tunnel.
sub question {
    my ($self, $one, $bytes) = @_;
    my $request = $one->{request};
    # It was answered, and is read only so that closing does not take the answer from the client.
    return if $one->{'squid ended'};
    my $asks_for_tunnel = $one->{state} eq 'answer' && $request->{scheme} eq 'tls';
    if ($one->{state} eq 'head' || $asks_for_tunnel) {
        $one->{early} .= $bytes;
        return $asks_for_tunnel ? undef : $self->head($one);
    }
    my $body = $request->body($bytes);
    return $self->drop($one) if !defined $body;
    $one->{to_squid} .= $body;
    $self->send_on($one, 'squid');
}

# The client's first words. squid judges all that is a request, and sees nothing else.
sub head {
    my ($self, $one) = @_;
    my $end = index $one->{early}, "\r\n\r\n";
    if ($end < 0) {
        my $may_become_one = $one->{early} =~ /^[A-Z]/ && $one->{early} !~ /(?<!\r)\n/ && length $one->{early} <= $longest_head;
        return $may_become_one ? undef : $self->refuse($one);
    }
    my $head = substr $one->{early}, 0, $end + 4, '';
    return $self->say($one, '200 OK', $self->{ledger}->text) if $head =~ m{^GET /blocked HTTP/1\.[01]\r\n};
    my $request = Request->new(substr $head, 0, $end) or return $self->refuse($one);
    $one->{request} = $request;
    $one->{to_squid} = $request->{head};
    if ($request->{scheme} eq 'http') {
        my $body = $request->body($one->{early}) // return $self->refuse($one);
        $one->{to_squid} .= $body;
        $one->{early} = '';
    }
    @$one{qw(state since allowed)} = ('answer', time, $self->allowed($one));
    $self->reach($one);
}

sub refuse { my ($self, $one) = @_; $self->say($one, '400 Bad Request', "git-paude: the session's proxy does not understand this request\n") }

# An answer of the door's own.
sub say {
    my ($self, $one, $status, $text) = @_;
    @$one{ 'state', 'early', 'to_squid', 'squid ended' } = ('plain', '', '', 1);
    $one->{to_client} = "HTTP/1.0 $status\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n$text";
    $self->send_on($one, 'client');
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
    my $request = $one->{request};
    $one->{held} .= $bytes;
    my ($head, $body) = $one->{held} =~ /^(.*?\r?\n)\r?\n(.*)$/s;
    return length $one->{held} > $longest_answer ? $self->drop($one) : undef if !defined $head;
    my ($status) = $head =~ m{^HTTP/1\.[01] ([0-9]{3})} or return $self->drop($one);
    $one->{held} = '';
    # The answer itself is still to come.
    if ($status =~ /^1/ && $status ne '101') {
        $one->{to_client} .= "$head\r\n";
        $self->send_on($one, 'client');
        return $one->{gone} || $body eq '' ? undef : $self->answer($one, $body);
    }
    my $refused = $status >= 400 && $head =~ /^X-Squid-Error:/mi;
    return $self->drop($one) if !$refused && !$one->{allowed};
    if ($head =~ /^X-Squid-Error: ERR_(?:FORWARDING|ACCESS)_DENIED/mi && $request->{method} !~ /^(?:TRACE|PURGE)$/) {
        my $sentence = $self->{ledger}->sentence(@$request{qw(scheme host port)});
        $head .= "Paude-Blocked: $sentence\r\n";
    }
    if ($request->{scheme} eq 'tls' && $status =~ /^2/) {
        $one->{state} = 'tunnel';
        $one->{to_squid} .= $one->{early};
    }
    else {
        $one->{state} = 'plain';
        $head =~ s/^(?:(?:Proxy-)?Connection|Keep-Alive):.*\r?\n//gmi;
        $head .= "Connection: close\r\n";
    }
    $one->{early} = '';
    $one->{to_client} .= "$head\r\n$body";
    $self->send_on($one, 'client');
    $self->send_on($one, 'squid') if !$one->{gone};
}

sub send_on {
    my ($self, $one, $side) = @_;
    my $waiting = \$one->{"to_$side"};
    while ($$waiting ne '' && $one->{$side}) {
        my $sent = syswrite $one->{$side}, $$waiting;
        if (!defined $sent) {
            return if $! == EAGAIN || $! == EINTR;
            return $self->drop($one) if $side eq 'client' || $one->{state} eq 'tunnel';
            # It has answered without the rest of the body, or will say nothing more: reading tells.
            $$waiting = '';
            last;
        }
        substr $$waiting, 0, $sent, '';
    }
    return if $$waiting ne '';
    my $other = $side eq 'client' ? 'squid' : 'client';
    return if !$one->{"$other ended"};
    return $self->drop($one) if $one->{"$side ended"};
    shutdown $one->{$side}, 1 if $one->{$side};
    @$one{qw(state since)} = ('over', time) if $side eq 'client' && $one->{state} eq 'plain';
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

# Once a round: who waits for squid, who never said anything, who does not close what is over.
sub tick {
    my ($self) = @_;
    my $waiting = delete $self->{waiting};
    if ($waiting) { for my $one (my @late = values %$waiting) { $self->reach($one) if !$one->{gone} } }
    my $now = time;
    return if $now == ($self->{ticked} // 0);
    $self->{ticked} = $now;
    for my $entry (my @all = values %{ $self->{all} }) {
        my $one = $entry->[0];
        my $patience = $one->{state} eq 'head' ? $head_time : $one->{state} eq 'over' ? $end_time : next;
        $self->drop($one) if $now - $one->{since} > $patience;
    }
}

# New rules; what was allowed until now and is not any more is closed.
sub allow {
    my ($self, $rules) = @_;
    $self->{rules} = $rules;
    for my $entry (my @all = values %{ $self->{all} }) {
        my $one = $entry->[0];
        next if $one->{gone} || !$one->{request};
        my $allowed = $self->allowed($one);
        if ($one->{allowed} && !$allowed) { $self->drop($one) }
        else { $one->{allowed} = $allowed }
    }
}

sub allowed { my ($self, $one) = @_; return $self->{rules}->permits(@{ $one->{request} }{qw(scheme host port)}) }

1;
