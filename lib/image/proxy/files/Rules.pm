package Rules;
# What a proxy lets through, read from squid's own words for it.
use strict;
use warnings;

sub new {
    my ($class, $configuration) = @_;
    my (%names, %ports);
    push @{ $names{"$1 $2 $3"} }, $4 while $configuration =~ /^acl (tls|http)_(names|denied)_([0-9]+) dstdom_regex -n -i (\S+)$/mg;
    $ports{$1} = $2 while $configuration =~ /^acl private_port_([0-9]+) port ([0-9]+)$/mg;
    push @{ $names{"private names $ports{$1}"} }, $2 while $configuration =~ /^acl private_name_([0-9]+) dstdom_regex -n -i (\S+)$/mg;
    return bless { map { my $any = join '|', @{ $names{$_} }; ($_ => qr/$any/) } keys %names }, $class;
}

# Whether a name is let through: by `tls`, by `http`, or as `private`, which is what may have a private address.
sub permits {
    my ($self, $kind, $host, $port) = @_;
    $host = lc $host =~ s/\.+$//r;
    return 0 if $host !~ /^[a-z0-9._-]+$/;
    my ($names, $denied) = @$self{ "$kind names $port", "$kind denied $port" };
    return $names && $host =~ $names && !($denied && $host =~ $denied);
}

1;
