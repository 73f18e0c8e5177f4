package IM::Site;

# A web server of somebody else, inside the test: a page, or the files of a folder.
#
#     my $site = IM::Site->new(page => '<!doctype html>…');
#     my $site = IM::Site->new(folder => 't/call', host => 'localhost');
#     $site->url;                                         # its origin: http://localhost:1234
#
# It answers while the test waits for something: Mojo's event loop is its own.

use Mojo::Base -base, -signatures;
use Mojo::Server::Daemon;
use Mojolicious;

has host => '127.0.0.1';
has [qw(page folder daemon)];

sub new ($class, @options) { return $class->SUPER::new(@options)->_start }

sub url ($self) { return 'http://' . $self->host . ':' . $self->daemon->ports->[0] }

sub _start ($self) {
    my $app = Mojolicious->new;
    $app->log->level('fatal');
    $app->static->paths([$self->folder // ()]);
    $app->routes->get('/' => sub ($c) { $c->render(text => $self->page) }) if defined $self->page;
    return $self->daemon(Mojo::Server::Daemon->new(app => $app, silent => 1, listen => ['http://127.0.0.1'])->start);
}

1;
