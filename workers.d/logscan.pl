#!/usr/bin/env perl
# Counts the lines of a file by what a pattern matches in them. An example of the protocol of docs/protocol.md in Perl.
use strict;
use warnings;

use Fcntl qw(O_RDONLY O_NONBLOCK);
use JSON::PP ();

use constant {BLOCK => 1 << 20, LONGEST_LINE => 1 << 20, MOST_TEXTS => 10_000, LISTED => 100, LONGEST_TEXT => 200};

my $json = JSON::PP->new->utf8->ascii->canonical;
$| = 1;    # each message goes out at once

sub tell_server {
    my (%message) = @_;
    print $json->encode(\%message), "\n";
}

sub fail {
    my ($message) = @_;
    tell_server(type => 'error', message => $message);
    exit 1;
}

# Only takes note: what was counted so far is still told.
my $cancelled = 0;
$SIG{TERM} = sub { $cancelled = 1 };

my $params = $json->decode(scalar <STDIN>)->{params};
my $flags  = $params->{ignore_case} ? '(?i)' : '';
my $source = $flags . ($params->{pattern} // '\b(DEBUG|INFO|WARN|ERROR|FATAL)\b');
# Code within a pattern, (?{...}), is refused by Perl unless a program asks for it.
my $pattern = eval { qr/$source/ };
fail('not a pattern: ' . $@ =~ s/ at \S+ line \d+.*//sr) if !$pattern;

# Without blocking: to open a FIFO would otherwise wait until somebody writes to it.
my $path = $params->{file};
utf8::encode(my $bytes = $path);
sysopen(my $file, $bytes, O_RDONLY | O_NONBLOCK) or fail("$path: $!");
-f $file or fail("not a regular file: $path");
my $size = -s _;

my ($lines, $matched, $read, $shown, $rest) = (0, 0, 0, 0, '');
my %count;

sub count_line {
    my ($line) = @_;
    utf8::decode($line);    # what is not UTF-8 stays bytes
    $lines++;
    return unless $line =~ $pattern;
    $matched++;
    my $text = substr $1 // $&, 0, LONGEST_TEXT;
    $text = '(others)' if !exists $count{$text} && keys %count >= MOST_TEXTS;
    $count{$text}++;
}

while (!$cancelled) {
    my $got = sysread $file, $rest, BLOCK, length $rest;
    defined $got or fail("$path: $!");
    last if !$got;
    $read += $got;
    my @lines = split /\n/, $rest, -1;
    $rest = pop @lines;
    push @lines, $rest and $rest = '' if length $rest > LONGEST_LINE;
    for my $line (@lines) {
        last if $cancelled;
        count_line($line);
    }
    my $percent = $size > $read ? int(100 * $read / $size) : 100;
    if ($percent > $shown) {
        $shown = $percent;
        tell_server(type => 'progress', percent => $percent, message => "$matched of $lines lines");
    }
}
count_line($rest) if length $rest && !$cancelled;

my @texts = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
splice @texts, LISTED if @texts > LISTED;
tell_server(
    type   => 'result',
    output => {
        lines    => $lines,
        matched  => $matched,
        counts   => [map { {text => $_, count => $count{$_}} } @texts],
        complete => $cancelled ? JSON::PP::false : JSON::PP::true,
    },
);
exit($cancelled ? 128 + 15 : 0);
