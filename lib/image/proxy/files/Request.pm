package Request;
# The one request of a connection: to whom it goes, and where it ends. What can be read in two ways is no request: squid
# might read it in the other one.
use strict;
use warnings;

my $token = qr/[!#\$%&'*+.^_`|~0-9A-Za-z-]+/;
my $name = qr/[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]/;
my $port = qr/0*([0-9]{1,5})/;

# Of a head without the empty line at its end; nothing where that is none.
sub new {
    my ($class, $head) = @_;
    my ($first, @lines) = split /\r\n/, $head, -1;
    my ($method, $target, $minor) = $first =~ m{^([A-Z-]+) ([^\x00-\x20\x7f]+) HTTP/1\.([01])\z} or return;
    my ($host, $at) = $method eq 'CONNECT' ? $target =~ /^($name):$port\z/ : $target =~ m{^http://($name)(?::$port)?(?:[/?].*)?\z}i;
    return if !defined $host;
    my (%once, @kept);
    for my $line (@lines) {
        my ($field, $value) = $line =~ /^($token):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\z/ or return;
        $field = lc $field;
        return if $field =~ /^(?:host|content-length|transfer-encoding)\z/ && exists $once{$field};
        $once{$field} = $value;
        push @kept, $line if $field !~ /^(?:(?:proxy-)?connection|keep-alive)\z/;
    }
    my ($length, $coding) = @once{qw(content-length transfer-encoding)};
    return if defined $length && (defined $coding || $length !~ /^[0-9]{1,15}\z/);
    return if defined $coding && ($minor == 0 || lc $coding ne 'chunked');
    return if $method eq 'CONNECT' && ($length || defined $coding);
    return bless {
        method => $method,
        scheme => $method eq 'CONNECT' ? 'tls' : 'http',
        host => lc $host =~ s/\.+$//r,
        port => $at // 80,
        # As squid is to see it: it closes the connection after its answer.
        head => join("\r\n", $first, @kept, 'Connection: close', '', ''),
        chunked => defined $coding,
        # Bytes that are to come: of the body, or of the present chunk.
        left => $length // 0,
        end => '',
        line => '',
    }, $class;
}

# What of the bytes after the head belongs to the body; what comes after that belongs to nothing. Undefined where the
# body can't be understood.
sub body {
    my ($self, $bytes) = @_;
    my $rest = $self->{line} . $bytes;
    my $body = $self->counted(\$rest);
    while ($self->{chunked} && $self->{left} == 0) {
        # The end of the chunk before.
        my $end = $self->{end};
        if ($rest =~ s/^(${end}0{1,8}\r\n\r\n)//) {
            $self->{chunked} = 0;
            $body .= $1;
        }
        elsif ($rest =~ s/^(${end}(?!0+\r)([0-9A-Fa-f]{1,8})\r\n)//) {
            @$self{qw(left end)} = (hex $2, "\r\n");
            $body .= $1 . $self->counted(\$rest);
        }
        # One of these may still be coming.
        elsif ($rest =~ /^(?:\r?|$end[0-9A-Fa-f]{0,8}\r?|${end}0{1,8}\r\n\r?)\z/) { last }
        else { return }
    }
    $self->{line} = $self->{chunked} ? $rest : '';
    return $body;
}

# Takes what is left to come.
sub counted {
    my ($self, $bytes) = @_;
    my $part = substr $$bytes, 0, $self->{left}, '';
    $self->{left} -= length $part;
    return $part;
}

1;
