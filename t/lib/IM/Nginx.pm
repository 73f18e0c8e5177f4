package IM::Nginx;

# nginx alone, one worker and no program behind it: what a stack's figures are held against.
#
#     my $plain = IM::Nginx->new;
#     system 'curl', '-F', 'file=@large', $plain->url . '/spool';    # written to disk as by the stack's own, and forgotten
#     system 'curl', $plain->url . '/large';                         # a file of its folder
#     $plain->worker;                                                # its process
#
# It ends with its object.

use Mojo::Base -base, -signatures;
use Fcntl qw(F_SETFD);
use File::Temp;
use IO::Socket::INET;
use Mojo::File qw(path);
use POSIX ();

has folder => sub { File::Temp->newdir('/var/tmp/im-nginx.XXXXXX') };
has [qw(pid port)];

sub new ($class, %options) { return $class->SUPER::new(%options)->_start }

sub url ($self) { return 'http://127.0.0.1:' . $self->port }

# nginx inherits the listening socket, so that nobody else takes its port meanwhile.
sub _start ($self) {
    my $folder = $self->folder;
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 511) or die "could not listen: $!\n";
    $self->port($socket->sockport);
    chmod 0755, $folder;
    path($folder, 'tmp')->make_path;
    path($folder, 'nginx.conf')->open('>')->print(<<"END");
@{[$> ? '' : 'user im-chat;']}
worker_processes 1;
daemon off;
pid $folder/pid;
events {}
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path $folder/tmp/body;
    proxy_temp_path $folder/tmp/proxy;
    fastcgi_temp_path $folder/tmp/fastcgi;
    uwsgi_temp_path $folder/tmp/uwsgi;
    scgi_temp_path $folder/tmp/scgi;
    server {
        listen unix:$folder/end.sock;
        return 204;
    }
    server {
        listen 127.0.0.1:@{[$self->port]};
        root $folder;
        location = /spool {
            client_max_body_size 101m;
            client_body_in_file_only clean;
            client_body_buffer_size 256k;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_pass http://unix:$folder/end.sock;
        }
    }
}
END
    $self->pid(fork // die "could not fork: $!\n");
    if (!$self->pid) {
        fcntl $socket, F_SETFD, 0;
        $ENV{NGINX} = fileno($socket) . ';';
        { exec 'nginx', '-e', "$folder/error.log", '-p', "$folder", '-c', "$folder/nginx.conf" }
        POSIX::_exit(127);
    }
    return $self;
}

sub worker ($self) { return `pgrep -P @{[$self->pid]}` =~ /(\d+)/ ? $1 : die "nginx has no worker\n" }

sub DESTROY ($self) {
    return if !$self->pid;
    local ($?, $@);
    kill TERM => $self->pid;
    waitpid $self->pid, 0;
}

1;
